import type { z } from 'zod'
import type { ToolClass } from '../frames/kinds.ts'
import type { Permit } from '../frames/permit.ts'
import type { Integrity } from '../frames/provenance.ts'
import type { RecordKey, StoreRecord } from '../store/store.ts'
import type { ToolSecrets } from './tool-secrets.ts'

/** MCP's hints about what a tool does; believed for tools of this project alone. Absent means the worst. */
export interface Annotations {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  readonly openWorldHint: boolean
}

/** The records of one user of one tenant: a tool sees no others, and no database. */
export interface UserRecords {
  get(kind: string, id: string): Promise<StoreRecord | null>
  list(kind: string, page: { after?: string; limit: number }): Promise<StoreRecord[]>
  /** Compare-and-set on the version, as `Store.putRecord`. */
  put(key: Pick<RecordKey, 'kind' | 'id'>, data: unknown, expected: number): Promise<boolean>
}

/** What a tool knows of its caller. `idempotencyKey` is the same whenever the same call is run again. */
export interface ToolContext {
  readonly tenant: string
  readonly userId: string
  readonly records: UserRecords
  readonly secrets: ToolSecrets
  readonly signal: AbortSignal
  readonly idempotencyKey: string
  /** How far the words behind the call can be believed: kept with what the call writes. */
  readonly integrity: Integrity
  /** Sends a text to another number of the person's messenger, and answers its id. Throws the SEND_… failures, `refused` where it was not taken. */
  send(number: string, text: string): Promise<string>
  /** Sends a text to the person, in as many messages as it takes, and answers how many. Throws as `send` does. */
  tell(text: string): Promise<number>
  /** The time of the call, ms since the epoch. */
  readonly now: number
  /** The fingerprint of what the person approved it for, or null: a tool with a target changes nothing else. */
  readonly fingerprint: string | null
}

/** What came of a call. A failure is a result that the model reads, not an exception. */
export interface ToolResult {
  readonly outcome: 'done' | 'failed'
  readonly result: string
  /** The lowest label among the records it read; absent where it read none. */
  readonly integrity?: Integrity
}

/** A thing as it is now: its fingerprint changes with whatever a person would want to know. `label` is shown to them. */
export interface Target {
  readonly id: string
  readonly fingerprint: string
  readonly label: string
  /** How far the words of the label can be believed; absent where they are the server's own. */
  readonly integrity?: Integrity
}

/** A tool as its author writes it. `run` is taken into a closure by `defineTool` and is out of reach from then on. */
export interface ToolDefinition<S extends z.ZodObject> {
  readonly name: string
  readonly description: string
  readonly input: S
  readonly annotations: Annotations
  /** Whether the same call again, with the same idempotency key, does nothing more: after a crash the worker makes it. */
  readonly repeatable: boolean
  describe(args: z.infer<S>): string
  /** What the call is about, where that can change under it: a person approves it as they see it, and nothing else. Null where there is no such thing. */
  target?(args: z.infer<S>, records: Pick<UserRecords, 'get' | 'list'>): Promise<Target | null>
  run(args: z.infer<S>, context: ToolContext): Promise<ToolResult>
}

/** A tool as everybody else sees it: it can be described, and called with a permit. */
export interface Tool {
  readonly name: string
  readonly description: string
  /** What a model is offered as its input: a JSON Schema. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Decided here and by nobody else: by the hints of a tool of this project, by the operator's file for any other. */
  readonly class: ToolClass
  /** Whether what it is given may reach others: no foreign link is among that, and each call counts as one that sends. */
  readonly isOutward: boolean
  /** Whether somebody here answers for its words: while a model reads a description that nobody vouched for, it reads the words of others. */
  readonly isVouchedFor: boolean
  readonly repeatable: boolean
  /** SHA-256 (hex) of its name, description and schema: another one is another tool. */
  readonly schemaHash: string
  /** Reads arguments strictly: what is not known is refused, and nothing is changed or added. A problem repeats no value. */
  read(
    value: Readonly<Record<string, unknown>>
  ): { readonly value: Readonly<Record<string, unknown>> } | { readonly problem: string }
  describe(args: Readonly<Record<string, unknown>>): string
  /** What the call is about as it is now; undefined for a tool that has no targets, null where there is no such thing. */
  target(
    args: Readonly<Record<string, unknown>>,
    records: Pick<UserRecords, 'get' | 'list'>
  ): Promise<Target | null | undefined>
  /** Runs the permitted call. Throws where the permit was not issued by the policy or is for another tool. */
  call(permit: Permit, context: ToolContext): Promise<ToolResult>
}
