import { MusketeersError } from "../protocol/index.ts";
import { isCount, isKey, isText, openList, signList } from "./signed-list.ts";

/*
 * What the owner of a project signs with its root key: that a key may sign code for the project, and until when.
 * The root key stays with its owner; workers have its public half from their invites, not from the hub.
 */

const CERTIFICATE_VERSION = 1;
const CERTIFICATE_DOMAIN = "musketeers certificate 1";
const SERIAL_LENGTH_MAX = 64;
export const SUBMITTER_LABEL_CHARACTERS_MAX = 200;

/** Who may submit code to a project. Times are milliseconds since 1970. */
export interface Certificate {
  /** Of the key that signs manifests. */
  readonly publicKey: Uint8Array;
  readonly project: string;
  readonly notAfterMs: number;
  /** Who that is, for volunteers to read; may be empty. */
  readonly label: string;
  /** Names this certificate among those of its project. */
  readonly serial: string;
}

export function signCertificate(certificate: Certificate, rootSecretKey: Uint8Array): Uint8Array {
  const { publicKey, project, notAfterMs, label, serial } = certificate;
  return signList(
    [CERTIFICATE_VERSION, publicKey, project, notAfterMs, label, serial],
    CERTIFICATE_DOMAIN,
    rootSecretKey,
  );
}

/** Code, certificate or manifest are not what the owner of the project let in. */
export const untrusted = (why: string): MusketeersError => new MusketeersError("UNTRUSTED_CODE", why);

/**
 * Reads a certificate and checks that the project's owner gave it and that it holds.
 * @throws MusketeersError `UNTRUSTED_CODE`
 */
export function openCertificate(
  bytes: Uint8Array,
  rootKey: Uint8Array,
  project: string,
  nowMs: number,
): Certificate {
  const fields = openList(bytes, CERTIFICATE_DOMAIN, rootKey);
  if (fields === undefined) throw untrusted("The submitter's certificate is not of this project's owner");
  const [version, publicKey, name, notAfterMs, label, serial] = fields;
  const isWhole =
    version === CERTIFICATE_VERSION &&
    isKey(publicKey) &&
    isText(name, 256) &&
    isCount(notAfterMs) &&
    isText(label, SUBMITTER_LABEL_CHARACTERS_MAX) &&
    isText(serial, SERIAL_LENGTH_MAX);
  if (!isWhole) throw untrusted("The submitter's certificate is of a form that this version does not know");
  if (name !== project)
    throw untrusted(`The submitter's certificate is for ${name}, and this worker's project is ${project}`);
  if (nowMs >= notAfterMs) {
    throw untrusted(`The submitter's certificate ended ${new Date(notAfterMs).toISOString()}`);
  }
  return { publicKey, project: name, notAfterMs, label, serial };
}
