/** A certificate authority of the test's own, and a server's certificate by it, made by openssl. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Certificates {
  readonly ca: string
  /** Arguments by which redis-server takes TLS connections only. */
  readonly args: (port: number) => ReadonlyArray<string>
  readonly remove: () => void
}

/** Certificates for 127.0.0.1. */
export const makeCertificates = (): Certificates => {
  const dir = mkdtempSync(join(tmpdir(), "pogo-tls-"))
  const file = (name: string) => join(dir, name)
  const openssl = (...args: ReadonlyArray<string>) => execFileSync("openssl", args, { cwd: dir, stdio: "pipe" })
  const key = ["-newkey", "rsa:2048", "-nodes"]
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=pogo test")
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
  writeFileSync(file("ext"), "subjectAltName=IP:127.0.0.1\n")
  const sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext"]
  openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", ...sign)
  return {
    ca: readFileSync(file("ca.crt"), "utf8"),
    args: (port) =>
      Object.entries({
        "--tls-port": String(port),
        "--tls-auth-clients": "no",
        "--tls-cert-file": file("server.crt"),
        "--tls-key-file": file("server.key"),
        "--tls-ca-cert-file": file("ca.crt")
      }).flat(),
    remove: () => rmSync(dir, { recursive: true, force: true })
  }
}
