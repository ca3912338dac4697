import { z } from 'zod'
import { defineTool } from '../../src/tools/define-tool.ts'
import type { Tool } from '../../src/tools/tool.ts'

/** Tools with an effect in the ledger: a bell may be rung once alone, a note is the same note under the same key, and what burns is asked about first. */
export function ledgerTools(ledger: string, done: (tool: string) => void): Tool[] {
  const tool = (name: string, repeatable: boolean, destructiveHint = false) =>
    defineTool({
      name,
      description: 'Writes a line into the ledger of the chaos suite.',
      input: z.strictObject({ words: z.string() }),
      annotations: { readOnlyHint: false, destructiveHint, idempotentHint: false, openWorldHint: false },
      repeatable,
      describe: ({ words }) => `Write ${words}`,
      async run({ words }, { idempotencyKey, signal }) {
        const body = JSON.stringify({ tool: name, key: idempotencyKey, words, pid: process.pid })
        const answer = await fetch(ledger, { method: 'POST', body, signal })
        done(name)
        return { outcome: answer.ok ? 'done' : 'failed', result: 'written' }
      }
    })
  return [tool('ring_bell', false), tool('take_note', true), tool('burn_file', false, true)]
}
