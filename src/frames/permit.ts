import type { ToolClass } from './kinds.ts'

/** What a permit allows: one call of one tool with exactly these parsed arguments. */
export type PermittedCall = {
  readonly execution: string
  readonly call: string
  readonly tool: string
  readonly class: ToolClass
  readonly arguments: Readonly<Record<string, unknown>>
}

declare const permitted: unique symbol

/** Leave to run a tool. Only `policy/decide` makes one (test/architecture.test.ts), and `tool.call` takes nothing else. */
export type Permit = PermittedCall & { readonly [permitted]: true }

const issued = new WeakSet<object>()

/** Makes a permit. To be called by `policy/decide` and by nothing else. */
export function issuePermit(call: PermittedCall): Permit {
  const permit = Object.freeze({ ...call }) as Permit
  issued.add(permit)
  return permit
}

/** Whether this very object was issued: a look-alike built elsewhere is not a permit. */
export function isIssued(permit: Permit): boolean {
  return issued.has(permit)
}
