/** The list of keys, and samples of queries. */
import { Modal } from "./actions.js"
import { keys } from "./keyboard.js"

const samples = `status:failed kind:Poller acme
node:worker-2 -status:running
restarts:>3 age:<5m node:none is:trouble`

/** The dialog of help. */
export const Help = ({ close }: { readonly close: () => void }) => (
  <Modal title="Keyboard" close={close}>
    <dl class="keys">
      {Object.entries(keys).map(([key, text]) => (
        <>
          <dt>{key.split(" ").map((each) => <kbd>{each}</kbd>)}</dt>
          <dd>{text}</dd>
        </>
      ))}
    </dl>
    <div>
      <p class="muted">Queries: every term must hold; - negates, commas mean or</p>
      <pre>{samples}</pre>
    </div>
    <div class="foot">
      <button class="btn">Close</button>
    </div>
  </Modal>
)
