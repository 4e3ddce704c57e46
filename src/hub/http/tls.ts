import { createHash, createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import { loadOrCreateText } from "../../security/node.ts";
import { hostOf, lanAddress } from "./listen.ts";

/** What a hub's TLS server needs, as PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** What a hub speaks TLS with, and how its invites pin it. */
export interface Tls extends TlsMaterial {
  /** SHA-256 of the public key, where the certificate vouches for itself; null: an authority does. */
  readonly pin: Uint8Array | null;
}

/** What a hub is told of TLS. */
export interface TlsOptions {
  /** What to speak TLS with; `own`: a key that the hub made, which its invites pin. */
  readonly tls?: TlsMaterial | "own";
  /** Speaks plain HTTP also where others than this machine reach it; a proxy in front may speak TLS. */
  readonly insecureHttp?: boolean;
  /** Data directory, which keeps a key of its own. */
  readonly data?: string;
}

/** The file of a data directory that holds the hub's own key and certificate. */
export const TLS_NAME = "tls.pem";
const YEARS_MS = 10 * 365 * 24 * 60 * 60 * 1000;
/** Clocks of others may be behind. */
const EARLIER_MS = 24 * 60 * 60 * 1000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate of a new key, signed by itself. */
async function selfSigned(hosts: readonly string[], nowMs: number): Promise<string> {
  // Loaded here: few hubs need it, and only once.
  await import("reflect-metadata");
  const { SubjectAlternativeNameExtension, X509CertificateGenerator } = await import("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const names = hosts.map((value) => ({
    type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const),
    value,
  }));
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: "01",
      name: "CN=musketeers hub",
      notBefore: new Date(nowMs - EARLIER_MS),
      notAfter: new Date(nowMs + YEARS_MS),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new SubjectAlternativeNameExtension(names)],
    },
    webcrypto as unknown as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  return `${key.export({ type: "pkcs8", format: "pem" })}${certificate.toString("pem")}\n`;
}

/** How invites pin a certificate: by its key where it was signed with that itself. */
function pinOf(certificate: X509Certificate): Uint8Array | null {
  if (!certificate.checkIssued(certificate) || !certificate.verify(certificate.publicKey)) return null;
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return new Uint8Array(createHash("sha256").update(spki).digest());
}

/**
 * Checks a certificate and its key.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export function openTls({ cert, key }: TlsMaterial): Tls {
  const hint = "Give a certificate and its private key as PEM files: --tls-cert FILE --tls-key FILE.";
  try {
    const certificate = new X509Certificate(cert);
    if (certificate.checkPrivateKey(createPrivateKey(key))) return { cert, key, pin: pinOf(certificate) };
  } catch (cause) {
    const message = `The TLS certificate or its key cannot be read: ${(cause as Error).message}`;
    throw new MusketeersError("BAD_ARGUMENT", message, { cause, hint });
  }
  throw new MusketeersError("BAD_ARGUMENT", "The TLS key is not that of the certificate", { hint });
}

/**
 * The hub's own key and certificate as its data directory holds them; undefined where none were made.
 * @throws MusketeersError `STORAGE`
 */
export async function readOwnTls(data: string): Promise<string | undefined> {
  const path = join(data, TLS_NAME);
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new MusketeersError("STORAGE", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/**
 * A certificate of the hub's own, made once in its data directory; without one for this process.
 * @param hosts names and addresses that it is reached at when it is made
 * @throws MusketeersError `STORAGE`, `BAD_ARGUMENT` where the file is damaged
 */
export async function ownTls(
  data: string | undefined,
  hosts: readonly string[],
  nowMs: number,
): Promise<Tls> {
  const make = () => selfSigned(hosts, nowMs);
  const pem = data === undefined ? await make() : await loadOrCreateText(join(data, TLS_NAME), make);
  const at = pem.indexOf("-----BEGIN CERTIFICATE-----");
  return openTls({ key: pem.slice(0, Math.max(0, at)), cert: pem.slice(Math.max(0, at)) });
}

/**
 * What a hub speaks TLS with; undefined where it speaks plain HTTP.
 * @throws MusketeersError `BAD_ARGUMENT` where that would go over a network unasked, or the certificate is none
 */
export async function tlsOf(
  { tls, data, insecureHttp }: TlsOptions,
  listen: string,
  nowMs: number,
): Promise<Tls | undefined> {
  const { host, isLoopback } = hostOf(listen);
  if (tls === "own") {
    const named = ["localhost", "127.0.0.1", lanAddress(), isIP(host) === 0 ? host : undefined];
    const hosts = named.filter((name) => name !== undefined);
    return ownTls(data, [...new Set(hosts)], nowMs);
  }
  if (tls !== undefined) return openTls(tls);
  if (isLoopback || insecureHttp === true) return undefined;
  throw new MusketeersError(
    "BAD_ARGUMENT",
    `Others could read and change what goes to ${listen}: it is no TLS`,
    {
      hint: "Add --tls for a key that invites pin, --tls-cert and --tls-key for a certificate of yours, or --insecure-http, such as for a proxy in front that speaks TLS.",
    },
  );
}
