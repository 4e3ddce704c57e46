/** Keys, invites, roles and the proofs of the handshake. Runs in Node, Deno and browsers. */
export { checkBlobPass, signBlobPass } from "./blob-token.ts";
export { equalBytes } from "./bytes.ts";
export {
  signCertificate,
  untrusted,
} from "./certificate.ts";
export { KEY_BYTES, newSecretKey, publicKeyOf, sign, verify } from "./ed25519.ts";
export {
  ASKED_IMAGES_MAX,
  endorseInvite,
  type ProjectAsks,
  parseEndorsement,
} from "./endorsement.ts";
export { defaultTerms, type Grant, openGrant, type Terms } from "./grant.ts";
export {
  type KeySigner,
  signHello,
  signKey,
  signKeyWith,
  signWelcome,
  verifyHello,
  verifyKey,
  verifyWelcome,
} from "./handshake.ts";
export { newId } from "./id.ts";
export {
  createInvite,
  type Invite,
  LINK_PATH,
  packageCommand,
  parseInvite,
} from "./invite.ts";
export {
  type CheckedCode,
  checkTask,
  openProof,
  signManifest,
} from "./manifest.ts";
export { randomBytes } from "./random.ts";
export { openRelease, type Release, signRelease } from "./release.ts";
export { openRevocations, type Revocations, signRevocations } from "./revocations.ts";
export { ACCOUNTS, CATALOGUE, openStatement, signStatement } from "./statement.ts";
