/** Options may stand anywhere: so the command must know which of them have a value. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as HelpDoc from "@effect/cli/HelpDoc"
import { describe, expect, it } from "@effect/vitest"
import { HashMap } from "effect"
import { ordered, valued } from "../../../src/internal/cli/argumentOrder.js"
import { root } from "../../../src/internal/cli/cliApp.js"
import { plainText } from "../../../src/internal/cli/helpText.js"

/** The names of a command's options, of those that have a value. */
const optionsIn = (name: string): ReadonlyArray<string> => {
  const command = HashMap.unsafeGet(Command.getSubcommands(root), name)
  const help = plainText(HelpDoc.toAnsiText(CommandDescriptor.getHelp(command, CliConfig.defaultConfig)))
  return Array.from(help.matchAll(/^ *\(?(?:(-\w), )?(--[a-z-]+) \S/gm), ([, short, long]) => [short, long])
    .flat()
    .filter((option) => option !== undefined)
}

describe("options", () => {
  it("with a value are known as such, of all commands", () => {
    const found = Array.from(HashMap.keys(Command.getSubcommands(root))).flatMap(optionsIn)
    expect(found).toEqual(expect.arrayContaining(["--redis", "--weight", "--drain", "-o", "-f"]))
    expect(found.filter((option) => !valued.has(option))).toEqual([])
    expect(found).not.toContain("--yes")
  })

  it("go behind the command, with their values", () => {
    expect(ordered(["node", "x", "--add", "z", "plan", "a", "--weight", "2", "--", "--b"])).toEqual(
      ["node", "x", "plan", "--add", "z", "--weight", "2", "a", "--", "--b"]
    )
  })
})
