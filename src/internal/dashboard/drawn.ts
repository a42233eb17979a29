/** What a drawing is made of, beside its paths. */

/** A shape at a place: its middle, what it is, and what is said when a pointer rests on it. */
export interface DrawnMark {
  readonly x: number
  readonly y: number
  readonly shape: string
  readonly tone: string
  readonly title?: string
}

/** A text at a place. */
export interface DrawnText {
  readonly x: number
  readonly y: number
  readonly text: string
  readonly tone?: string
  readonly anchor?: "end"
}
