import type { ToolClass } from '../frames/kinds.ts'
import type { Annotations } from './tool.ts'

type Hints = Partial<Annotations>

const defaults: Annotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true
}

// The first row that fits names the class. What destroys and goes out counts as D: either way the person is asked.
const classRows: readonly { readonly class: ToolClass; readonly when: Hints }[] = [
  { class: 'R0', when: { readOnlyHint: true, openWorldHint: false } },
  { class: 'R1', when: { readOnlyHint: true } },
  { class: 'D', when: { destructiveHint: true } },
  { class: 'X', when: { openWorldHint: true } },
  { class: 'W1', when: { idempotentHint: true } },
  { class: 'W0', when: {} }
]

/** What no hint can say of our own tools (safety rule 3.2): money, permissions, credentials, bulk and export. */
const highRisk: ReadonlySet<string> = new Set(['export_data'])

const hintNames = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const

/**
 * The class of a tool of this project, by its own hints; an absent hint is the worst one. A remote server's hints are
 * never believed and do not come here.
 */
export function classOf(hints: Hints): ToolClass {
  const known: Record<string, boolean> = { ...defaults }
  for (const name of hintNames) {
    const hint = hints[name]
    if (typeof hint === 'boolean') known[name] = hint
  }
  const row = classRows.find(({ when }) =>
    hintNames.every(name => when[name] === undefined || when[name] === known[name])
  )
  return row?.class ?? 'K'
}

/** The class of a tool of this project: by the local table where it stands there, else by its own hints. */
export function classOfTool({ name, annotations }: { readonly name: string; readonly annotations: Hints }): ToolClass {
  return highRisk.has(name) ? 'H' : classOf(annotations)
}
