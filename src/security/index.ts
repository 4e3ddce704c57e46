/** Keys, invites, roles and the proofs of the handshake. Runs in Node, Deno and browsers. */
export { type BlobPass, checkBlobPass, signBlobPass } from "./blob-token.ts";
export { equalBytes } from "./bytes.ts";
export {
  type Certificate,
  openCertificate,
  SUBMITTER_LABEL_CHARACTERS_MAX,
  signCertificate,
  untrusted,
} from "./certificate.ts";
export { KEY_BYTES, newSecretKey, publicKeyOf, SIGNATURE_BYTES, sign, verify } from "./ed25519.ts";
export {
  ASKED_IMAGES_MAX,
  type Endorsement,
  endorseInvite,
  type ProjectAsks,
  parseEndorsement,
  type Signer,
} from "./endorsement.ts";
export { defaultTerms, type Grant, openGrant, PERSON_CHARACTERS_MAX, type Terms } from "./grant.ts";
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
export { isId, newId } from "./id.ts";
export {
  type CreateInviteOptions,
  createInvite,
  type Invite,
  LINK_PATH,
  packageCommand,
  parseInvite,
} from "./invite.ts";
export {
  type CheckedCode,
  type CodeChecks,
  type CodeNeeds,
  checkTask,
  excessOf,
  type Manifest,
  openProof,
  signManifest,
} from "./manifest.ts";
export { type RandomBytes, randomBytes } from "./random.ts";
export { openRelease, type Release, signRelease } from "./release.ts";
export { openRevocations, type Revocations, signRevocations } from "./revocations.ts";
export { CATALOGUE, openStatement, type Statement, signStatement } from "./statement.ts";
