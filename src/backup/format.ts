import { z } from 'zod'
import { states } from '../frames/execution.ts'
import { auditLine, blockLine } from '../store/audit-lines.ts'
import type { Entry } from '../store/transfer.ts'

// A backup is gzipped JSON, a line each: the header, the entries, the end.

/** The version of the format that is written. */
export const formatVersion = 2
/** The versions that are read: the first had no blocks of the audit. */
export const readVersions: readonly number[] = [1, formatVersion]

const header = z.object({
  type: z.literal('header'),
  format: z.literal('knomly-backup'),
  version: z.number(),
  /** Names this backup: its keys carry the same. */
  backup: z.string(),
  madeAt: z.iso.datetime(),
  store: z.string(),
  server: z.string()
})

const execution = z.strictObject({
  type: z.literal('execution'),
  id: z.string(),
  lane: z.string(),
  tenant: z.string(),
  principal: z.string(),
  at: z.number(),
  state: z.enum(states),
  order: z
    .string()
    .regex(/^\d{1,20}$/)
    .nullable(),
  claims: z.number(),
  n: z.number(),
  hash: z.string(),
  frames: z.array(z.string()),
  refs: z.array(z.string()),
  approval: z.strictObject({ id: z.string(), hash: z.string(), state: z.string(), expiresAt: z.number() }).nullable(),
  timerAt: z.number().nullable(),
  purgeAt: z.number().nullable(),
  purged: z.boolean()
})

const blob = z.strictObject({
  type: z.literal('blob'),
  execution: z.string(),
  n: z.number(),
  purgeAt: z.number(),
  bytes: z.base64().transform(text => Buffer.from(text, 'base64'))
})

/** A small document as a line of a backup, or of its keys. */
export const recordLine = z.strictObject({
  type: z.literal('record'),
  tenant: z.string(),
  user: z.string(),
  kind: z.string(),
  id: z.string(),
  version: z.number(),
  data: z.string()
})

const counts = z.strictObject({
  execution: z.number(),
  blob: z.number(),
  block: z.number().default(0),
  audit: z.number(),
  record: z.number(),
  key: z.number()
})

/** Something that was broken in the store already: the chain of an execution, a block of the audit, or an audit record. */
const flaw = z.strictObject({ type: z.enum(['execution', 'block', 'audit']), id: z.string() })

const end = z.strictObject({
  type: z.literal('end'),
  counts,
  flawed: z.array(flaw),
  /** SHA-256 of all lines before this one with their line breaks, hex. */
  sha256: z.string()
})

const line = z.discriminatedUnion('type', [header, execution, blob, blockLine, auditLine, recordLine, end])

export type Header = z.infer<typeof header>
export type End = z.infer<typeof end>
export type Counts = z.infer<typeof counts>
export type Flaw = z.infer<typeof flaw>
export type Line = Header | Entry | End

/** An entry, the header or the end as a line without its break. */
export function toLine(value: Line): string {
  if (value.type !== 'blob') return JSON.stringify(value)
  const { bytes, ...head } = value
  // Base64 has nothing to escape, and to look for it takes a third of a backup.
  return `${JSON.stringify(head).slice(0, -1)},"bytes":"${Buffer.from(bytes).toString('base64')}"}`
}

/** Reads a line. Throws where it says nothing that this version writes. */
export function parseLine(text: string): Line {
  return line.parse(JSON.parse(text))
}
