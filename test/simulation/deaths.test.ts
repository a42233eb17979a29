/**
 * Processes that die: what a child that ends its process costs, and that processes which die by themselves park nobody.
 * Invariants I4 to I7 are checked after every command.
 */
import { playStories } from "./deaths/suite.js"

playStories([1, 2])
