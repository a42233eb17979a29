/**
 * Addresses of Redis servers as URLs.
 *
 * @internal
 */

/** What a URL says. */
export interface UrlParts {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly path: string | undefined
  readonly db: number | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
}

type Fail = (setting: string, value: unknown, rule: string, remedy: string) => never

const rule = "redis://[user:password@]host[:port][/db], rediss:// for TLS, or unix:///path[?db=0]"

const remedy = "percent-encode special characters of user and password, or give them as options"

const decoded = (value: string, fail: Fail): string | undefined => {
  try {
    return value === "" ? undefined : decodeURIComponent(value)
  } catch {
    return fail("url", "(hidden)", rule, remedy)
  }
}

const dbOf = (value: string, fail: Fail): number | undefined =>
  value === ""
    ? undefined
    : /^\d{1,9}$/.test(value)
    ? Number(value)
    : fail("url", "(hidden)", rule, `the path is the database's number; ${remedy}`)

const parsed = (text: string): URL | undefined => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

/** Takes a URL apart. What cannot be understood is not repeated, since it may hold a password. */
export const parseUrl = (text: string, fail: Fail): UrlParts => {
  const url = parsed(text.startsWith("/") ? `unix://${text}` : text)
  if (url === undefined) return fail("url", "(hidden)", rule, remedy)
  const { hash, hostname, password, pathname, port, protocol, searchParams, username } = url
  if (protocol !== "redis:" && protocol !== "rediss:" && protocol !== "unix:") {
    return fail("url", `${protocol}(hidden)`, rule, "use one of these schemes")
  }
  // A password with a "/", "?" or "#" that is not encoded ends up here: nothing of it may be repeated.
  const isUnix = protocol === "unix:"
  const query = searchParams.get("db") ?? ""
  const isTwice = !isUnix && pathname.length > 1 && query !== ""
  const isHosted = isUnix && hostname !== ""
  if (Array.from(searchParams.keys()).some((name) => name !== "db") || hash !== "" || isTwice || isHosted) {
    fail("url", "(hidden)", rule, `give everything else as options; ${remedy}`)
  }
  return {
    host: isUnix ? undefined : decoded(hostname.replace(/^\[(.*)\]$/, "$1"), fail),
    port: port === "" ? undefined : Number(port),
    path: isUnix ? decoded(pathname, fail) : undefined,
    db: dbOf(isUnix ? query : pathname.slice(1) || query, fail),
    username: decoded(username, fail),
    password: decoded(password, fail),
    tls: protocol === "rediss:"
  }
}
