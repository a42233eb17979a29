/** Actions: a button asks the server what would happen, and a dialog shows that before anything is done. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { plain } from "../console/marks.js"
import { about, isOld } from "./live.js"
import { type NoAnswer, patience, post } from "./requests.js"
import { Say } from "./say.js"
import type { PreviewSent, ResultSent, TargetSent } from "./sent.js"
import { watched } from "./watched.js"

/** What was told last: words, and whether something failed. */
const toast = watched<readonly [words: string, bad: boolean] | undefined>(undefined)

let fading = 0

/**
 * Tells something at the foot of the page, for some seconds.
 *
 * @param words with marks
 * @param bad whether something failed: it stays longer
 */
export const tell = (words: string, bad = false): void => {
  clearTimeout(fading)
  toast.set([words, bad])
  fading = setTimeout(() => toast.set(undefined), bad ? 12_000 : 5_000)
}

/** What is asked at the moment. */
const question = watched<PreviewSent | undefined>(undefined)

/** Why nothing was done; a text of others has no marks. */
const problemOf = ({ status, text }: NoAnswer, silent: string) => status ? plain(text) : silent

/** A button for an action, if this server allows it. */
export const ActionButton = ({ label, style = "", ...target }: TargetSent & {
  readonly label: string
  readonly style?: "danger" | "main" | ""
}) => {
  const preview = async () => {
    const reply = await post<PreviewSent>("api/preview", target)
    if (reply.ok) question.set(reply.data)
    else tell(problemOf(reply, "No answer. Nothing was done."), true)
  }
  return about.use()?.actions.includes(target.action)
    ? (
      <button class={"btn " + style} data-action={target.action} disabled={isOld()} onClick={() => void preview()}>
        {label}
      </button>
    )
    : null
}

/** A dialog, open as long as it is drawn. */
export const Modal = ({ children, close, submit, title }: {
  readonly title: string
  readonly close: () => void
  /** Done before it closes: it stays if there is a problem. */
  readonly submit?: () => Promise<boolean>
  readonly children: ComponentChildren
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="asked">
      <form
        method="dialog"
        onSubmit={(event) => {
          if (!submit) return
          event.preventDefault()
          void submit().then((done) => done && dialog.current?.close())
        }}
      >
        <h2 id="asked">{title}</h2>
        {children}
      </form>
    </dialog>
  )
}

/** In a shell, as one word. */
const inShell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

const Input = ({ first, label, set }: {
  readonly label: string
  readonly first: boolean
  readonly set: (text: string) => void
}) => (
  <label>
    {label}
    <input autofocus={first} autocomplete="off" maxLength={200} onInput={(e) => set(e.currentTarget.value.trim())} />
  </label>
)

const Confirm = ({ it: { action, command, danger, ids, text, title, type, verb } }: { readonly it: PreviewSent }) => {
  const [reason, setReason] = useState("")
  const [typed, setTyped] = useState("")
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState("")
  const act = async () => {
    setBusy(true)
    setProblem("")
    const reply = await post<ResultSent>("api/act", { action, ids, ...(reason ? { reason } : {}) })
    setBusy(false)
    if (reply.ok) tell(reply.data.text, !reply.data.ids.every(({ ok }) => ok))
    else {
      setProblem(problemOf(
        reply,
        `No answer in ${patience / 1_000} s. It may or may not have happened; asking again is safe.`
      ))
    }
    return !!reply.ok
  }
  return (
    <Modal title={title} close={() => question.set(undefined)} submit={act}>
      <p>
        <Say words={text} />
      </p>
      {type && <Input first label={`Type ${type} to go on`} set={setTyped} />}
      <Input first={!type} label="Reason, kept in the history (optional)" set={setReason} />
      <div>
        <p class="muted">The same in a terminal</p>
        <pre>{command}{reason && " --reason " + inShell(reason)}</pre>
      </div>
      <p class="Failed" role="alert">
        <Say words={problem} />
      </p>
      <div class="foot">
        <button type="button" class="btn" onClick={(e) => e.currentTarget.closest("dialog")?.close()}>Cancel</button>
        <button class={`btn main ${danger ? "danger" : ""}`} disabled={busy || (!!type && typed !== type)}>
          {verb}
        </button>
      </div>
    </Modal>
  )
}

/** The question that is open, if any, and what was told last. */
export const Talk = () => {
  const it = question.use()
  const [words, bad] = toast.use() ?? []
  return (
    <>
      {it && <Confirm it={it} />}
      <div class={"toast " + (bad ? "bad" : "")} role="status">{words && <Say words={words} />}</div>
    </>
  )
}
