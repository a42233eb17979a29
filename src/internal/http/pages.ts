/**
 * The files of the dashboard, as the build left them in `dist/dashboard` of this package, wherever this code itself is run
 * from. Nothing else can be asked for: names are looked up among the files that are there.
 *
 * @internal
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { readdir, readFile, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { attempt } from "../runtime/userCode.js"
import { Missing } from "./problems.js"

/** A file, ready to be sent. */
interface LoadedFile {
  readonly type: string
  readonly bytes: Uint8Array
  readonly zipped: Uint8Array | undefined
  readonly etag: string
  /** When it was written, milliseconds: a newer one is read again. */
  readonly written: number
}

const types: ReadonlyMap<string, string> = new Map([
  ["html", "text/html; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["css", "text/css; charset=utf-8"],
  ["svg", "image/svg+xml"],
  ["png", "image/png"],
  ["ico", "image/x-icon"],
  ["json", "application/json"]
])

const zip = promisify(gzip)

/** Below so many bytes compression gains nothing. */
const leastToZip = 1_000

/** Name of this package, whose folder is looked for. */
const packageName = "effect-pogo"

const nameIn = (file: string): unknown =>
  Either.getOrUndefined(attempt((): unknown => (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name))

/**
 * The folder, in this package: above the sources, and above the code as it is published. In a bundle of somebody else's
 * there is none.
 */
export const findDashboard = (from: string = fileURLToPath(import.meta.url)): string | undefined => {
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, "package.json")
    if (!existsSync(manifest)) continue
    return nameIn(manifest) === packageName ? join(folder, "dist", "dashboard") : undefined
  }
  return undefined
}

const read = async (folder: string, name: string, written: number): Promise<LoadedFile> => {
  const bytes = await readFile(join(folder, name))
  const type = types.get(name.slice(name.lastIndexOf(".") + 1)) ?? "application/octet-stream"
  const zipped = bytes.length < leastToZip || type.startsWith("image/p") ? undefined : await zip(bytes, { level: 9 })
  const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 20)}"`
  return { type, bytes, zipped, etag, written }
}

/** A name with a hash of its content in it never means another content. */
const isHashed = (name: string): boolean => /[.-][0-9A-Za-z]{8,}\.\w+$/.test(name)

const send = (name: string, page: LoadedFile, { headers }: HttpServerRequest.HttpServerRequest) => {
  const zips = page.zipped !== undefined &&
    /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(headers["accept-encoding"] ?? "")
  const shared = {
    etag: page.etag,
    vary: "accept-encoding",
    "cache-control": isHashed(name) ? "public, max-age=31536000, immutable" : "no-cache"
  }
  const known = (headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""))
  if (known.includes(page.etag) || known.includes("*")) {
    return HttpServerResponse.empty({ status: 304, headers: shared })
  }
  return HttpServerResponse.uint8Array(zips ? page.zipped : page.bytes, {
    contentType: page.type,
    headers: zips ? { ...shared, "content-encoding": "gzip" } : shared
  })
}

const notBuilt = () =>
  new Missing({
    message: "The dashboard is not here: this package is not built, or is part of a bundle.",
    remedy: "run `npm run build`, or leave the package out of the bundle; all below `api/` works without it"
  })

const noSuchPage = () =>
  new Missing({ message: "There is no such page.", remedy: "`openapi.json` lists what there is" })

/** The files of a folder. */
export class Pages {
  private readonly kept = new Map<string, LoadedFile>()

  constructor(private readonly folder: string | undefined = findDashboard()) {}

  /** A file that is there now; those that have changed are read again. */
  private async find(name: string, folder: string): Promise<LoadedFile | undefined> {
    if (!(await readdir(folder)).includes(name)) return undefined
    const { mtimeMs } = await stat(join(folder, name))
    let page = this.kept.get(name)
    if (page === undefined || page.written !== mtimeMs) {
      page = await read(folder, name, mtimeMs)
      this.kept.set(name, page)
    }
    return page
  }

  /** The file of a path such as `/app.js`; `/` is the page itself. */
  serve(
    path: string,
    request: HttpServerRequest.HttpServerRequest
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, Missing> {
    const { folder } = this
    const name = path === "/" ? "index.html" : path.slice(1)
    // Browsers ask for it by themselves, and put a refusal into their console.
    if (name === "favicon.ico") return Effect.succeed(HttpServerResponse.empty())
    if (folder === undefined || !existsSync(join(folder, "index.html"))) return Effect.fail(notBuilt())
    return Effect.flatMap(
      Effect.promise(() => this.find(name, folder)),
      (page) => (page === undefined ? Effect.fail(noSuchPage()) : Effect.succeed(send(name, page, request)))
    )
  }
}
