/**
 * TypeScript's language server, as an editor uses it: over the language server protocol, with a document that exists in
 * the editor only. TypeScript 7 has no other way to its language service.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly items?: ReadonlyArray<unknown> }
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Markup {
  readonly value: string
}

export interface Signature {
  readonly label: string
  readonly text: string
}

export class LanguageServer {
  private readonly process: ChildProcessByStdio<Writable, Readable, null>
  private readonly waiting = new Map<number, (reply: Reply) => void>()
  private received = Buffer.alloc(0)
  private requests = 0
  private documents = 0

  private constructor() {
    const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc")
    this.process = spawn(process.execPath, [compiler, "--lsp", "--stdio"], {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"]
    })
    this.process.stdout.on("data", (chunk: Buffer) => this.read(chunk))
  }

  static async start(): Promise<LanguageServer> {
    const server = new LanguageServer()
    const contentFormat = ["markdown"]
    await server.request("initialize", {
      processId: process.pid,
      rootUri: pathToFileURL(root).href,
      capabilities: {
        textDocument: {
          hover: { contentFormat },
          signatureHelp: { signatureInformation: { documentationFormat: contentFormat } }
        }
      }
    })
    server.send({ method: "initialized", params: {} })
    return server
  }

  stop(): void {
    this.process.kill()
  }

  /** Opens a document, as if it stood in the folder of the tests. */
  open(text: string): Document {
    const uri = pathToFileURL(join(root, "test", `unsaved${++this.documents}.ts`)).href
    this.send({
      method: "textDocument/didOpen",
      params: { textDocument: { uri, languageId: "typescript", version: 1, text } }
    })
    return new Document(this, uri, text)
  }

  request(method: string, params: object): Promise<unknown> {
    const id = ++this.requests
    return new Promise((resolve, reject) => {
      this.waiting.set(
        id,
        ({ error, result }) => error === undefined ? resolve(result) : reject(new Error(error.message))
      )
      this.send({ id, method, params })
    })
  }

  private send(message: object): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message })
    this.process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }

  private read(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk])
    for (;;) {
      const header = this.received.indexOf("\r\n\r\n")
      if (header < 0) return
      const length = Number(/Content-Length: (\d+)/.exec(this.received.toString("latin1", 0, header))?.[1])
      const end = header + 4 + length
      if (this.received.length < end) return
      const reply = JSON.parse(this.received.toString("utf8", header + 4, end)) as Reply
      this.received = this.received.subarray(end)
      this.handle(reply)
    }
  }

  private handle({ id, method, params, ...reply }: Reply): void {
    if (id === undefined) return
    if (method === undefined) {
      this.waiting.get(id)?.(reply)
      this.waiting.delete(id)
    } else {
      // The server asks for settings, and to be told of changed files: there are none.
      this.send({ id, result: params?.items?.map(() => null) ?? null })
    }
  }
}

export class Document {
  constructor(private readonly server: LanguageServer, private readonly uri: string, private readonly text: string) {}

  /** What an editor shows for the last name of a piece of the text: its documentation, without its type. */
  async hover(code: string): Promise<string> {
    const name = /\w+$/.exec(code)?.[0] ?? ""
    const hover = await this.ask("textDocument/hover", this.at(code) - name.length) as
      | { readonly contents: Markup }
      | null
    return hover?.contents.value.replace(/^```\w*\n[\s\S]*?\n```\n?/, "").trim() ?? ""
  }

  /** The overloads that an editor shows behind a piece of the text. */
  async signatures(code: string): Promise<ReadonlyArray<Signature>> {
    const help = await this.ask("textDocument/signatureHelp", this.at(code)) as
      | { readonly signatures: ReadonlyArray<{ readonly label: string; readonly documentation?: Markup }> }
      | null
    return help?.signatures.map(({ documentation, label }) => ({ label, text: documentation?.value.trim() ?? "" })) ??
      []
  }

  private at(code: string): number {
    const start = this.text.indexOf(code)
    if (start < 0) throw new Error(`${code} is not in the document`)
    return start + code.length
  }

  private ask(method: string, offset: number): Promise<unknown> {
    const lines = this.text.slice(0, offset).split("\n")
    return this.server.request(method, {
      textDocument: { uri: this.uri },
      position: { line: lines.length - 1, character: lines.at(-1)!.length }
    })
  }
}
