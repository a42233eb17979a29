/** What the tags of the page become: the build gives these names to every module. */
export { Fragment, h } from "preact"
