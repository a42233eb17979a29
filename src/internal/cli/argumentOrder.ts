/**
 * The order of arguments: options may stand anywhere, before the command as well as behind what it is for. The parser
 * wants them right behind the command.
 *
 * @internal
 */

/** Options that have a value of their own, by all their names. */
export const valued: ReadonlySet<string> = new Set([
  "--redis",
  "--http",
  "--scope",
  "--prefix",
  "--output",
  "-o",
  "--log-level",
  "--completions",
  "--kind",
  "--status",
  "--node",
  "--sort",
  "--limit",
  "--offset",
  "--since",
  "--reason",
  "--file",
  "-f",
  "--for",
  "--timeout",
  "--drain",
  "--remove",
  "--add",
  "--label",
  "--weight",
  "--set",
  "--port",
  "--query",
  "-q"
])

/** Commands that have commands of their own. */
const groups: ReadonlySet<string> = new Set(["state"])

/** Node's two arguments, the command, its options, then what it is for. Behind `--` all is left as it is. */
export const ordered = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [options, others]: [Array<string>, Array<string>] = [[], []]
  const rest = args.slice(2)
  const end = rest.indexOf("--")
  const own = end < 0 ? rest : rest.slice(0, end)
  for (let i = 0; i < own.length; i++) {
    const one = own[i]!
    if (!one.startsWith("-") || one === "-") others.push(one)
    else {
      options.push(one)
      const next = own[i + 1]
      if (valued.has(one) && next !== undefined) {
        options.push(next)
        i++
      }
    }
  }
  const depth = groups.has(others[0] ?? "") ? 2 : 1
  return [
    ...args.slice(0, 2),
    ...others.slice(0, depth),
    ...options,
    ...others.slice(depth),
    ...(end < 0 ? [] : rest.slice(end))
  ]
}
