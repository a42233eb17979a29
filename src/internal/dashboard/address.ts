/** The address is the state: what is looked at stands behind the `#`, so that any view can be sent to somebody. */

/** What an address names. */
export interface PageAddress {
  readonly page: string
  /** Id of the child, or name of the node; empty elsewhere. */
  readonly name: string
  readonly params: URLSearchParams
}

/**
 * What the part of an address behind the `#` names.
 *
 * @param hash with or without the `#`
 */
export const placeOf = (hash: string): PageAddress => {
  const [path = "", search = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s)
  const [page = "", ...name] = path.split("/")
  return { page: page === "" ? "overview" : page, name: decoded(name.join("/")), params: new URLSearchParams(search) }
}

/** An address that somebody typed may hold a `%` that means nothing. */
const decoded = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const readable = (name: string) => encodeURIComponent(name).replace(/%2F/g, "/")

/**
 * An address with what is asked behind it.
 *
 * @param path what stands before it
 * @param params what is asked; what is empty, or 0, is left out
 */
export const withParams = (path: string, params: { readonly [name: string]: string | number }): string => {
  const said = Object.entries(params).flatMap(([name, value]) =>
    value ? [[name, String(value)] as [string, string]] : []
  )
  return path + (said.length > 0 ? "?" + String(new URLSearchParams(said)) : "")
}

/**
 * The address of a page.
 *
 * @param page `children`, `events`, or empty for the overview
 * @param params what stands behind the `?`
 */
export const toPage = (page: string, params: { readonly [name: string]: string | number } = {}): string =>
  withParams("#/" + page, params)

/**
 * The address of a child's page.
 *
 * @param id the child's id
 */
export const toChild = (id: string): string => `#/child/${readable(id)}`

/**
 * The address of a node's page.
 *
 * @param name the node's name
 */
export const toNode = (name: string): string => `#/node/${readable(name)}`

/**
 * The address of the children that match a query.
 *
 * @param q the query
 */
export const toFound = (q: string): string => toPage("children", { q })
