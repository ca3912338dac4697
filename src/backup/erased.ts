import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { keyUserOf } from '../store/sealing.ts'
import type { ErasedLine, RecordEntry } from '../store/transfer.ts'

const ledgerLine = z.strictObject({
  at: z.iso.datetime(),
  tenant: z.string(),
  user: z.string(),
  keys: z.array(z.string())
})

/** Reads ledgers of erasures. Rejects with an Error that says what to do where one cannot be read. */
export async function readLedgers(files: readonly string[]): Promise<ErasedLine[]> {
  const lines: ErasedLine[] = []
  for (const file of files) {
    try {
      const text = await readFile(file, 'utf8')
      for (const line of text.split('\n').filter(Boolean)) lines.push(ledgerLine.parse(JSON.parse(line)))
    } catch (cause) {
      throw new Error(
        `${file} cannot be read as a ledger of erasures: name the erased.jsonl of the server's DATA_DIR.`,
        { cause }
      )
    }
  }
  return lines
}

/** The keys of a backup as they come back: those that were destroyed since it was made stay destroyed. */
export function withoutErased(keys: readonly RecordEntry[], ledger: readonly ErasedLine[]): RecordEntry[] {
  const gone = new Map(ledger.flatMap(({ at, keys, ...owner }) => keys.map(id => [`${keyUserOf(owner)} ${id}`, at])))
  return keys.map(entry => {
    const at = gone.get(`${entry.user} ${entry.id}`)
    return at === undefined ? entry : { ...entry, data: JSON.stringify({ state: 'destroyed', at }) }
  })
}
