/** Keys, invites, roles and the proofs of the handshake. Runs in Node, Deno and browsers. */
export { type BlobPass, checkBlobPass, signBlobPass } from "./blob-token.ts";
export { equalBytes } from "./bytes.ts";
export { KEY_BYTES, newSecretKey, publicKeyOf, SIGNATURE_BYTES, sign, verify } from "./ed25519.ts";
export { type Grant, openGrant } from "./grant.ts";
export { signHello, signWelcome, verifyHello, verifyWelcome } from "./handshake.ts";
export { isId, newId } from "./id.ts";
export { type CreateInviteOptions, createInvite, type Invite, LINK_PATH, parseInvite } from "./invite.ts";
export { type RandomBytes, randomBytes } from "./random.ts";
export { CATALOGUE, openStatement, type Statement, signStatement } from "./statement.ts";
