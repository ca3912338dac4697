import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { AuditBlock } from '../store/audit-block.ts'
import { auditLine, blockLine } from '../store/audit-lines.ts'
import type { AuditEntry } from '../store/transfer.ts'
import { type CheckedChain, contentOf, createChainCheck } from './check-chain.ts'
import { checkHeads, type Heads } from './check-heads.ts'
import { type ExportHeader, parseEnd, parseHeader } from './export.ts'
import { incomplete, type Tell, tampered } from './finding.ts'
import { parseHead, type SignedHead } from './heads.ts'
import type { VerifyRules } from './verify-store.ts'

/** What an export says of itself, and its chains. */
export interface VerifiedExport {
  readonly header: ExportHeader
  readonly chains: readonly CheckedChain[]
}

/**
 * Checks an export by itself: its chains, their records, and that its heads were signed by the key that it names, or by that of the
 * rules. Rejects with an Error for a file that cannot be read or is no export.
 */
export async function verifyExport(
  file: string,
  rules: Omit<VerifyRules, 'publicKey' | 'open'> & { readonly publicKey: string | undefined }
): Promise<VerifiedExport> {
  const { tell } = rules
  const { header, heads: signed } = await lookThrough(file, tell)
  const own = { file, heads: signed, unreadable: [] }
  const heads = checkHeads([own, ...rules.files], rules.publicKey ?? header.key, tell)
  const chains: CheckedChain[] = []
  for await (const { tenant, blocks } of tenantsIn(file, tell)) {
    if (rules.tenant !== undefined && rules.tenant !== tenant) continue
    chains.push(checkTenant(tenant, blocks, { ...rules, heads }))
  }
  for (const [tenant, { length }] of Map.groupBy(signed, each => each.tenant)) {
    if (length > 0 && !chains.some(chain => chain.tenant === tenant) && [undefined, tenant].includes(rules.tenant)) {
      tell(tampered(`The chain of ${tenant}`, 'is gone from the file, whose head it holds'))
    }
  }
  return { header, chains }
}

/** What was read of a block and its records. */
type Group = { readonly block: AuditBlock; readonly there: Map<string, AuditEntry> }

function checkTenant(
  tenant: string,
  blocks: readonly Group[],
  rules: Omit<VerifyRules, 'publicKey' | 'open'> & { heads: Heads }
): CheckedChain {
  const check = createChainCheck({ ...rules, tenant })
  for (const { block, there } of blocks.filter(each => each.block.n >= rules.from)) {
    check.add(block, there)
    const members = new Set(contentOf(block)?.records.map(([id]) => id))
    for (const id of there.keys()) {
      if (!members.has(id))
        rules.tell(tampered(`record ${id}`, `was put there: block ${tenant}:${block.n} does not name it`))
    }
  }
  return check.end()
}

async function lookThrough(file: string, tell: Tell): Promise<{ header: ExportHeader; heads: SignedHead[] }> {
  let header: ExportHeader | null = null
  let ended: { heads: number } | null = null
  const heads: SignedHead[] = []
  for await (const line of linesOf(file)) {
    if (header === null) {
      header = parseHeader(line)
      if (header === null) throw new Error(`${file} is no export: name a file that "knomly audit export" has written.`)
      continue
    }
    ended = parseEnd(line)
    const head = line.startsWith('{"type":"head"') ? parseHead(line) : null
    if (head !== null) heads.push(head)
  }
  if (header === null) throw new Error(`${file} is empty: name a file that "knomly audit export" has written.`)
  if (ended === null) tell(incomplete(file, 'is cut off: its end is missing'))
  else if (ended.heads !== heads.length) tell(tampered(file, 'does not hold as many heads as it says'))
  return { header, heads }
}

/** The blocks of one tenant after the other. */
async function* tenantsIn(file: string, tell: Tell): AsyncGenerator<{ tenant: string; blocks: Group[] }> {
  let blocks: Group[] = []
  let number = 0
  for await (const line of linesOf(file)) {
    number += 1
    const parsed = parseLine(line)
    const last = blocks.at(-1)
    if (parsed?.type === 'block') {
      const { type: _, ...block } = parsed
      if (last !== undefined && last.block.tenant !== block.tenant) {
        yield { tenant: last.block.tenant, blocks }
        blocks = []
      }
      blocks.push({ block, there: new Map() })
    } else if (parsed?.type === 'audit' && last !== undefined) {
      last.there.set(parsed.id, parsed)
    } else if (parseHead(line) === null && parseHeader(line) === null && parseEnd(line) === null) {
      tell(tampered(`line ${number} of ${file}`, 'is nothing that an export holds'))
    }
  }
  const last = blocks.at(-1)
  if (last !== undefined) yield { tenant: last.block.tenant, blocks }
}

function parseLine(line: string) {
  try {
    const value = JSON.parse(line)
    return blockLine.safeParse(value).data ?? auditLine.safeParse(value).data ?? null
  } catch {
    return null
  }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = createReadStream(file, 'utf8')
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) yield line
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`, { cause: error })
  } finally {
    stream.destroy()
  }
}
