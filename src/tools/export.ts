import { z } from 'zod'
import { questionMark } from '../frames/approval.ts'
import { Failure } from '../frames/failure.ts'
import { jcsHash } from '../frames/jcs.ts'
import { answer } from './answer.ts'
import { defineTool } from './define-tool.ts'
import type { Target, Tool, UserRecords } from './tool.ts'

/** The kinds of records that are a person's own, and what they are called in an export. */
const kinds = { task: 'Tasks', contact: 'Contacts', person: 'About you', 'wrong-codes': 'Wrong codes' } as const
type Kind = keyof typeof kinds

const pageSize = 500
/** What a conversation can take; who has more asks the operator for a file. */
const mostCharacters = 60_000

/** One line of an export: its own fields, in the order in which they are kept. */
type Line = { readonly kind: Kind; readonly id: string; readonly data: unknown }

const exportData = defineTool({
  name: 'export_data',
  description: 'Sends the person everything that is kept of them (tasks, contacts, settings) as messages in this chat.',
  input: z.strictObject({}),
  // What leaves is everything: its class stands in the policy's own table, which no hint can say.
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  repeatable: false,
  describe: () => 'Send everything that is kept of you to this chat',
  target: async (_, records) => targetOf(await readAll(records)),
  async run(_, { records, fingerprint, tell }) {
    const lines = await readAll(records)
    const target = targetOf(lines)
    if (target.fingerprint !== fingerprint) {
      return { outcome: 'failed', result: 'It was changed after the person saw how much it is, so nothing was sent.' }
    }
    const text = written(lines)
    if (text.length > mostCharacters) {
      return {
        outcome: 'failed',
        result: 'It is too much for a chat, so nothing was sent: the operator can export it.'
      }
    }
    try {
      // The counts alone come back to the model.
      return answer({ exported: target.label, messages: await tell(text) })
    } catch (error) {
      if (!(error instanceof Failure && error.refused)) throw error
      return { outcome: 'failed', result: `Not all of it was taken (${error.code}), so some of it may be missing.` }
    }
  }
})

/** What hands a person everything that is kept of them. */
export const exportTools: readonly Tool[] = [exportData]

async function readAll(records: Pick<UserRecords, 'list'>): Promise<Line[]> {
  const lines: Line[] = []
  for (const kind of Object.keys(kinds) as Kind[]) {
    let after: string | undefined
    do {
      const page = await records.list(kind, { ...(after !== undefined && { after }), limit: pageSize })
      lines.push(...page.map(({ id, data }) => ({ kind, id, data })))
      after = page.length === pageSize ? page.at(-1)?.id : undefined
    } while (after !== undefined)
  }
  return lines
}

function targetOf(lines: readonly Line[]): Target {
  const counts = (Object.keys(kinds) as Kind[]).map(kind => {
    return `${kinds[kind].toLowerCase()}: ${lines.filter(line => line.kind === kind).length}`
  })
  return { id: 'everything', fingerprint: jcsHash(lines), label: counts.join(', ') }
}

/** One record a line, as JSON; none of them can pass for a question. */
function written(lines: readonly Line[]): string {
  const sections = (Object.keys(kinds) as Kind[]).map(kind => {
    const own = lines.filter(line => line.kind === kind).map(({ id, data }) => `${id} ${JSON.stringify(data)}`)
    return [`${kinds[kind]} (${own.length})`, ...own].join('\n')
  })
  return sections.join('\n\n').replaceAll(questionMark, '\\u{1f510}')
}
