import { createWriteStream } from 'node:fs'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { exportLines } from '../audit/export.ts'
import { type Finding, incomplete } from '../audit/finding.ts'
import type { SignedHead } from '../audit/heads.ts'
import { readHeads } from '../audit/heads-file.ts'
import { verifyExport } from '../audit/verify-export.ts'
import { type Verified, verifyStore } from '../audit/verify-store.ts'
import { type AuditConfig, readStoreConfig } from '../config/store.ts'
import { openerOf } from '../frame-opener.ts'
import { systemClock } from '../frames/clock.ts'
import { systemEntropy } from '../frames/entropy.ts'
import { counted, type Screen } from '../screen.ts'
import type { AuditSource } from '../store/audit-source.ts'
import { appendLines } from '../store/durable-file.ts'
import { openAudit, told } from '../transfer.ts'
import { type AuditKey, publicHalf, unwrapAuditKey } from '../vault/audit-key.ts'
import { findMasterKeys } from '../vault/master-keys.ts'
import type { Command } from './command.ts'

/**
 * `knomly audit verify [FILE]` and `knomly audit export [FILE]`: checks the audit of the configured store, or of an export, and writes
 * an export. Verify exits with 0 where all is whole, 1 where something was tampered with, and 2 where it could not be told.
 */
export const audit: Command = async ([what, ...args], context) => {
  if (what === 'verify') return verify(args, context)
  if (what === 'export') return exportTo(args, context)
  throw new Error('Say what: "knomly audit verify" or "knomly audit export", see "knomly help".')
}

const verify: Command = async (args, { env, screen }) => {
  const findings: Finding[] = []
  const tell = (finding: Finding) => {
    findings.push(finding)
    if (findings.length <= most) screen.print(`${finding.is.padEnd(10)}  ${finding.where} ${finding.what}.`)
  }
  try {
    await look(args, env, screen, tell)
  } catch (error) {
    tell(incomplete('It', `could not be checked: ${sentenceOf(error)}`))
  }
  if (findings.length > most) screen.print(`And ${findings.length - most} more.`)
  if (findings.some(({ is }) => is === 'tampered')) return end(screen, 'The audit was tampered with.', 1)
  return findings.length > 0 ? end(screen, 'The audit is incomplete.', 2) : end(screen, 'The audit is whole.', 0)
}

function sentenceOf(error: unknown): string {
  const { message } = told(error) as Error
  return message.replace(/\.$/, '')
}

/** So many findings are printed. */
const most = 200

async function look(args: string[], env: NodeJS.ProcessEnv, screen: Screen, tell: (finding: Finding) => void) {
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options })
  const [file, ...rest] = positionals
  if (rest.length > 0) throw new Error('Only one export is checked at a time.')
  const config = readStoreConfig(env)
  const now = systemClock.now()
  const rules = { tenant: values.tenant, from: fromOf(values.from), now, expiredBefore: now - config.auditMs, tell }
  const named = await headsIn(values.heads ?? [])
  if (file !== undefined) {
    const { header, chains } = await verifyExport(file, { ...rules, files: named, publicKey: values.key })
    screen.print(`An export of ${header.madeAt}.`)
    printChains({ chains, executions: 0 }, values.key ?? header.key, screen)
    return
  }
  const files = values.heads === undefined ? await headsIn([config.auditHeadsFile], true) : named
  const source = await openAudit(config)
  try {
    const publicKey = values.key ?? (await publicKeyOf(source, config))
    printChains(
      await verifyStore(source, {
        ...rules,
        files,
        publicKey,
        open: openerOf(source, findMasterKeys(config, systemEntropy))
      }),
      publicKey,
      screen
    )
  } finally {
    await source.close()
  }
}

const options = {
  tenant: { type: 'string' },
  from: { type: 'string', default: '1' },
  heads: { type: 'string', multiple: true },
  key: { type: 'string' }
} as const

function fromOf(text: string): number {
  const n = Number(text)
  if (Number.isSafeInteger(n) && n >= 1) return n
  throw new Error('--from takes the number of a block, from 1 on.')
}

async function headsIn(files: readonly string[], mayLack = false) {
  const found = await Promise.all(files.map(async file => ({ file, read: await readHeads(file) })))
  return found.flatMap(({ file, read }) => {
    if (read === null && !mayLack) throw new Error(`There is no file ${file}.`)
    return read ?? []
  })
}

/** The public key, as the master key vouches for it where it is there. */
async function publicKeyOf(source: AuditSource, config: AuditConfig): Promise<string | null> {
  const kept = await source.key()
  if (typeof kept !== 'string') return null
  const masterKeys = findMasterKeys(config, systemEntropy)
  return masterKeys === null ? publicHalf(kept) : unwrapAuditKey(masterKeys, kept).publicKey
}

function printChains({ chains, executions }: Verified, publicKey: string | null, screen: Screen): void {
  for (const { tenant, first, last, records, signed } of chains) {
    const until = signed === 0 ? 'no head of it was signed' : `signed up to ${signed}`
    screen.print(`${tenant}: blocks ${first} to ${last.n}, ${counted(records, 'record')}, ${until}. Head: ${last.hash}`)
  }
  if (executions > 0) screen.print(`${counted(executions, 'execution')}, each frame by frame.`)
  if (publicKey !== null) screen.print(`The key of the audit: ${publicKey}`)
}

const exportTo: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options: { tenant: { type: 'string' } } })
  const [file, ...rest] = positionals
  if (rest.length > 0) throw new Error('Only one file is written.')
  const config = readStoreConfig(env)
  const source = await openAudit(config)
  try {
    const heads: SignedHead[] = []
    const key = await keyOf(source, config)
    const about = {
      tenant: values.tenant,
      key,
      now: systemClock.now(),
      onHead: (head: SignedHead) => void heads.push(head)
    }
    await pipeline(
      linesOf(source, about),
      file === undefined ? onScreen(screen) : createWriteStream(file, newFile)
    ).catch(error => {
      throw error.code === 'EEXIST' ? new Error(`${file} is there already: name another file.`) : told(error)
    })
    await appendLines(config.auditHeadsFile, heads)
    if (file !== undefined) screen.print(`${counted(heads.length, 'chain')} with the signed heads are in ${file}.`)
    return 0
  } finally {
    await source.close()
  }
}

const newFile = { flags: 'wx', mode: 0o600, flush: true } as const

async function* linesOf(source: AuditSource, about: Parameters<typeof exportLines>[1]): AsyncGenerator<string> {
  for await (const line of exportLines(source, about)) yield `${JSON.stringify(line)}\n`
}

function onScreen(screen: Screen): Writable {
  return new Writable({
    decodeStrings: false,
    write(line: string, _, done) {
      screen.print(line)
      done()
    }
  })
}

async function keyOf(source: AuditSource, config: AuditConfig): Promise<AuditKey> {
  const [kept, masterKeys] = [await source.key(), findMasterKeys(config, systemEntropy)]
  if (typeof kept !== 'string') throw new Error('The store has no key of the audit yet: start the server once.')
  if (masterKeys === null) throw new Error('There is no master key, and heads are signed with it: set MASTER_KEY.')
  return unwrapAuditKey(masterKeys, kept)
}

function end(screen: Screen, sentence: string, code: number): number {
  screen.print(sentence)
  return code
}
