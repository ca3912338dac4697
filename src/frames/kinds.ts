import { z } from 'zod'
import { answerKinds } from './answers.ts'
import { integrities } from './provenance.ts'
import { strict } from './strict.ts'

// Strings are made well-formed on the way in: a lone surrogate from a provider has no canonical JSON (RFC 8785) and so no hash.
const words = (max = 65_536) =>
  z
    .string()
    .max(max)
    .overwrite(value => value.toWellFormed())
const label = z.string().min(1).max(200)
const position = z.int().min(1)
const index = z.int().min(0)

const message = {
  account: label,
  button: strict({ text: words(512), payload: words(512) }).optional(),
  channel: z.enum(['messaging']),
  externalUser: label.optional(),
  forwarded: z.boolean(),
  from: label,
  location: strict({ latitude: words(64), longitude: words(64), label: words(512).optional() }).optional(),
  // `audio`: whether it may be speech by the type the sender's side named; its own bytes decide later.
  media: z.array(strict({ audio: z.boolean(), id: label, type: words(200) })).max(10),
  message: label,
  profile: words(512).optional(),
  repliedTo: label.optional(),
  text: words(),
  to: label
}

const turn = {
  memory: z.array(strict({ execution: label, n: position })).max(100),
  provider: label,
  model: label,
  instructions: label,
  tokens: strict({ input: z.int().min(0), output: z.int().min(0) })
}

const callback = { message: label, send: label.nullable(), status: label, rank: z.int().min(0) }

/** The classes of tools (safety rule 3.2): read, read with egress, additive, update, destructive, outward, high risk, off. */
export const toolClasses = ['R0', 'R1', 'W0', 'W1', 'D', 'X', 'H', 'K'] as const
export type ToolClass = (typeof toolClasses)[number]

// What an answer of a person is bound to (safety rule 3.4): its canonical JSON is hashed, and nothing else is run.
const binding = strict({
  v: z.literal(1),
  tenant: label,
  principal: label,
  channel: label,
  execution: label,
  call: label,
  tool: label,
  schemaHash: label,
  arguments: z.record(z.string(), z.json()),
  target: strict({
    id: label,
    fingerprint: label,
    label: words(2_000),
    integrity: z.enum(integrities).optional()
  }).nullable(),
  class: z.enum(toolClasses),
  rule: label,
  policyVersion: label,
  integrity: z.enum(integrities),
  iat: z.int(),
  exp: z.int(),
  nonce: label
})

/** Every kind of frame there is, with the strict schema of its data by version. A new shape is a new version, never an edit. */
export const kinds = {
  'voice.received': { 1: strict(message) },
  'text.received': { 1: strict(message) },
  'code.received': { 1: strict(message) },
  'button.tapped': { 1: strict(message) },
  'command.received': {
    1: strict({ ...message, command: z.enum(['stop', 'start', 'help']), answered: z.boolean() })
  },
  'message.refused': {
    1: strict({ reason: z.enum(['sender-not-allowed', 'rate-limited', 'opted-out']), tell: z.boolean() })
  },
  /** The person has used up a budget: it goes no further. */
  'budget.exceeded': {
    1: strict({ budget: z.enum(['audioSecondsPerDay', 'tokensPerDay']), tell: z.boolean() })
  },
  'audio.downloaded': {
    1: strict({
      attachment: index,
      sha256: label,
      type: label,
      bytes: z.int().min(1),
      seconds: z.number().min(0).nullable()
    })
  },
  'speech.transcribed': {
    1: strict({ attachment: index, text: words(), language: label.nullable(), provider: label, model: label })
  },
  'tool.requested': {
    1: strict({
      calls: z
        .array(strict({ id: label, tool: words(200), arguments: words() }))
        .min(1)
        .max(50),
      text: words(),
      ...turn
    })
  },
  /** Its id is the id of the approval. `hash` is SHA-256 of the canonical JSON of `binding`; `again`: how often it was asked before; `prompt`: what the person is shown, but for the code. */
  'approval.requested': {
    1: strict({ binding, hash: label, again: index, prompt: words(4_096) })
  },
  'prompt.started': { 1: strict({ approval: label, attempt: position }) },
  'prompt.posted': { 1: strict({ approval: label, message: label, reconciled: z.boolean() }) },
  ...answerKinds,
  'tool.started': {
    1: strict({
      call: label,
      tool: label,
      class: z.enum(toolClasses),
      arguments: z.record(z.string(), z.json())
    })
  },
  'tool.finished': {
    1: strict({
      call: label,
      tool: words(200),
      outcome: z.enum(['done', 'failed', 'refused']),
      code: label.nullable(),
      result: words()
    })
  },
  'reply.drafted': {
    1: strict({
      parts: z.array(words(2_000)).min(1).max(50),
      sentence: label.nullable(),
      turn: strict(turn).nullable()
    })
  },
  'reply.started': { 1: strict({ part: index, attempt: position }) },
  'reply.part-sent': { 1: strict({ part: index, message: label, reconciled: z.boolean() }) },
  'reply.sent': { 1: strict({ parts: position }) },
  'work.failed': { 1: strict({ code: label, step: label, from: position, tries: z.int().min(0) }) },
  'outcome.unknown': { 1: strict({ code: label, step: label, from: position }) },
  'work.retried': {
    1: strict({ from: position, effect: z.enum(['happened', 'did not happen']).optional() })
  },
  'work.cancelled': { 1: strict({ reason: z.enum(['erased']) }) },
  'reply.delivered': { 1: strict(callback) },
  'reply.read': { 1: strict(callback) },
  'reply.failed': { 1: strict({ ...callback, code: z.int().nullable() }) },
  'attempt.failed': {
    1: strict({
      code: label,
      step: label,
      from: position,
      retryAt: z.iso.datetime(),
      // The other side said no before it did anything: the effect may be tried again without asking.
      refused: z.boolean()
    })
  },
  'delay.announced': { 1: strict({ code: label }) }
} as const

export type Kind = keyof typeof kinds
/** The data of a kind in its newest version; a newer version allows whatever an older one did. */
export type DataOf<K extends Kind> = z.infer<Newest<(typeof kinds)[K]>>
type Newest<V extends { 1: z.ZodType }> = V extends { 2: infer S extends z.ZodType } ? S : V[1]

/** The message kinds: what frame 1 of an execution can be. */
export type ReceivedKind = 'voice.received' | 'text.received' | 'code.received' | 'button.tapped' | 'command.received'
export type Message = DataOf<'text.received'>

/** Kinds that only remark on what happened: the table looks past them. */
export const noteKinds: ReadonlySet<string> = new Set<Kind>([
  'reply.delivered',
  'reply.read',
  'reply.failed',
  'attempt.failed',
  'delay.announced',
  'approval.attempted',
  'approval.agreed'
])

const newest = new Map(
  Object.entries(kinds).map(([kind, versions]) => {
    const version = Math.max(...Object.keys(versions).map(Number))
    return [kind, { version, schema: (versions as Readonly<Record<number, z.ZodType>>)[version] }]
  })
)

/** The version in which new frames of a kind are written, and its schema. */
export function newestOf<K extends Kind>(kind: K): { version: number; schema: z.ZodType<DataOf<K>> } {
  return newest.get(kind) as { version: number; schema: z.ZodType<DataOf<K>> }
}

/** Whether this build knows the kind in that version; a frame it does not know is left alone, never guessed at. */
export function isKnown(kind: string, version: number): boolean {
  return Object.hasOwn(kinds, kind) && Object.hasOwn(kinds[kind as Kind], version)
}
