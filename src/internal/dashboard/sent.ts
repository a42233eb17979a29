/** What the server sends, as it travels: times and large numbers are text. */
import type * as Answers from "../console/answers.js"

/** What this server is, and what may be done. */
export type AboutSent = typeof Answers.About.Encoded
/** A child in a list. */
export type ChildSent = typeof Answers.ChildLine.Encoded
/** A page of children. */
export type ChildrenSent = typeof Answers.ChildList.Encoded
/** What the first page shows. */
export type OverviewSent = typeof Answers.Overview.Encoded
/** A node in the table of nodes. */
export type NodeSent = typeof Answers.NodeLine.Encoded
/** What the page of a child shows. */
export type ChildPageSent = typeof Answers.ChildPage.Encoded
/** What the page of a node shows. */
export type NodePageSent = typeof Answers.NodePage.Encoded
/** What happened. */
export type EventsSent = typeof Answers.EventList.Encoded
/** One of it. */
export type EventSent = typeof Answers.EventLine.Encoded
/** A run of a child. */
export type RunSent = typeof Answers.Run.Encoded
/** What may follow in a query. */
export type SuggestionsSent = typeof Answers.Suggestions.Encoded
/** What is to be done. */
export type TargetSent = typeof Answers.ActionTarget.Encoded
/** What that would do. */
export type PreviewSent = typeof Answers.Preview.Encoded
/** What became of it. */
export type ResultSent = typeof Answers.ActionResult.Encoded
/** That something has changed. */
export type ChangeSent = typeof Answers.Change.Encoded
