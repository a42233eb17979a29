/**
 * Help as people read it: the parser's text without what says nothing.
 *
 * @internal
 */

// oxlint-disable-next-line no-control-regex
const escapes = /\u001b\[[0-9;]*m/g

/** A text without escape sequences. */
export const plainText = (text: string): string => text.replace(escapes, "")

/** Lines that the parser has for every option, or that repeat what stands elsewhere. */
const empty =
  /^(A user-defined piece of text\.|This setting is optional\.|An integer\.|A true or false value\.|One of the following: .*)$/

/** A command in the list of commands: its name, and its description behind a usage that its own help shows. */
const listed = /^ {2}- ([a-z][a-z ]*?)(?: [^a-z].*?)? {2,}(\S.*)$/

const optionLine = (line: string): string =>
  /^\S/.test(line) ? `  ${line.replace(/^\((.*)\)$/, "$1")}` : `      ${line.trim()}`

/** The parser's help, with each option and its description on a line of its own. */
export const tidied = (help: string): string => {
  const out: Array<string> = []
  let section = ""
  for (const line of plainText(help).split("\n").map((one) => one.trimEnd())) {
    const command = listed.exec(line)
    if (/^[A-Z]+$/.test(line)) {
      section = line
      out.push("", line)
    } else if (line.startsWith("Exit codes")) out.push("", line)
    else if (line.startsWith("$ ")) out.push(`  effect-pogo ${line.slice(2).replace(/^effect-pogo ?/, "")}`.trimEnd())
    else if (command !== null) out.push(`  ${command[1]!.padEnd(12)}  ${command[2]!}`)
    else if (section === "DESCRIPTION" && line !== "") out.push(`  ${line}`)
    else if (line !== "" && !empty.test(line.trim())) {
      out.push(section === "OPTIONS" || section === "ARGUMENTS" ? optionLine(line) : line)
    }
  }
  // The name stands alone in front of the name with the version.
  return `${out.slice(1).join("\n").trim()}\n`
}
