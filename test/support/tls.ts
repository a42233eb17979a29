/** A certificate of the test's own, made by hand, so that no program is needed for it. */
import { generateKeyPairSync, sign } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** One value in DER: tag, length, content. */
const der = (tag: number, ...contents: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const bytes = (hex: string): Buffer => Buffer.from(hex, "hex")
const sequence = (...contents: ReadonlyArray<Uint8Array>): Buffer => der(0x30, ...contents)
const oid = (hex: string): Buffer => der(0x06, bytes(hex))
const time = (millis: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(millis).toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`))
const octets = (content: Uint8Array): Buffer => der(0x04, content)

const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"))
const name = sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from("pogo test")))))
const isAuthority = sequence(oid("551d13"), octets(sequence(der(0x01, bytes("ff")))))
const forLocalhost = sequence(oid("551d11"), octets(sequence(der(0x87, bytes("7f000001")))))

const pem = (certificate: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${
    certificate.toString("base64").replace(/.{64}/g, "$&\n")
  }\n-----END CERTIFICATE-----\n`

/** A self-signed certificate for 127.0.0.1, good for a day, and its key. */
export const makeCertificate = (): { readonly certificate: string; readonly key: string } => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const now = Date.now()
  const body = sequence(
    der(0xa0, der(0x02, bytes("02"))),
    der(0x02, bytes("01")),
    ecdsaWithSha256,
    name,
    sequence(time(now - 3_600_000), time(now + 86_400_000)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(isAuthority, forLocalhost))
  )
  const signature = der(0x03, bytes("00"), sign("sha256", body, privateKey))
  return {
    certificate: pem(sequence(body, ecdsaWithSha256, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  }
}

export interface Certificates {
  /** The certificate that a client has to trust. */
  readonly ca: string
  /** Arguments by which redis-server takes TLS connections on a port. */
  readonly args: (port: number) => ReadonlyArray<string>
  readonly remove: () => void
}

/** A certificate in files, as redis-server wants it. */
export const makeCertificates = (): Certificates => {
  const dir = mkdtempSync(join(tmpdir(), "pogo-tls-"))
  const [certificateFile, keyFile] = [join(dir, "certificate.pem"), join(dir, "key.pem")]
  const { certificate, key } = makeCertificate()
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key)
  return {
    ca: certificate,
    args: (port) =>
      Object.entries({
        "--tls-port": String(port),
        "--tls-auth-clients": "no",
        "--tls-cert-file": certificateFile,
        "--tls-key-file": keyFile,
        "--tls-ca-cert-file": certificateFile
      }).flat(),
    remove: () => rmSync(dir, { recursive: true, force: true })
  }
}
