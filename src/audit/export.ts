import { z } from 'zod'
import type { AuditSource } from '../store/audit-source.ts'
import type { AuditEntry, BlockEntry } from '../store/transfer.ts'
import type { AuditKey } from '../vault/audit-key.ts'
import { contentOf } from './check-chain.ts'
import { type SignedHead, signHead } from './heads.ts'

// An export is JSON, a line each: the header, the blocks of each tenant with their records behind them, its head, the end.

const header = z.strictObject({
  type: z.literal('header'),
  format: z.literal('knomly-audit'),
  version: z.literal(1),
  madeAt: z.string(),
  /** The public key that signed the heads. */
  key: z.string()
})
const end = z.strictObject({ type: z.literal('end'), heads: z.number() })

/** The first line of an export. */
export type ExportHeader = z.infer<typeof header>
/** A line of an export. */
export type ExportLine = ExportHeader | BlockEntry | AuditEntry | SignedHead | z.infer<typeof end>

/** The lines of an export of all tenants, or of one. `onHead` hears of each head that was signed; `now` is in ms. */
export async function* exportLines(
  source: AuditSource,
  about: { tenant: string | undefined; key: AuditKey; now: number; onHead: (head: SignedHead) => void }
): AsyncGenerator<ExportLine> {
  const { tenant: only, key, now, onHead } = about
  yield { type: 'header', format: 'knomly-audit', version: 1, madeAt: new Date(now).toISOString(), key: key.publicKey }
  let heads = 0
  for (const tenant of await source.tenants()) {
    if (only !== undefined && tenant !== only) continue
    let last: BlockEntry | undefined
    for await (const block of source.blocks(tenant, 1)) {
      last = { type: 'block', ...block }
      yield last
      const ids = contentOf(block)?.records.map(([id]) => id) ?? []
      yield* await source.records(ids)
    }
    if (last === undefined) continue
    const head = signHead(last, key, now)
    onHead(head)
    yield head
    heads += 1
  }
  yield { type: 'end', heads }
}

/** Reads the header of an export; null for anything else. */
export function parseHeader(line: string): ExportHeader | null {
  return header.safeParse(parse(line)).data ?? null
}

/** Reads the end of an export; null for anything else. */
export function parseEnd(line: string): { heads: number } | null {
  return end.safeParse(parse(line)).data ?? null
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
