import { createSecretKey } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { createAgent } from '../../src/agent/agent.ts'
import { instructions } from '../../src/agent/instructions.ts'
import { switchAct } from '../../src/audit/switch-act.ts'
import type { Channel, Outgoing } from '../../src/channels/channel.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import type { EventName } from '../../src/frames/event.ts'
import type { Execution } from '../../src/frames/execution.ts'
import { Failure } from '../../src/frames/failure.ts'
import { type Draft, type Frame, makeFrame } from '../../src/frames/frame.ts'
import { noTail } from '../../src/frames/tail.ts'
import { createEngine } from '../../src/pipeline/engine.ts'
import { createWorker } from '../../src/pipeline/worker.ts'
import { type Budgets, createSpending, defaultBudgets } from '../../src/policy/budgets.ts'
import { policy } from '../../src/policy/classes.ts'
import { decide } from '../../src/policy/decide.ts'
import { createEgress } from '../../src/policy/egress.ts'
import { createKnownSecrets, type KnownSecrets } from '../../src/policy/known-secrets.ts'
import { createSwitches } from '../../src/policy/switches.ts'
import type { Provider, Request, Turn } from '../../src/providers/provider.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import { createRegistry } from '../../src/tools/registry.ts'
import { taskTools } from '../../src/tools/tasks.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { approvalCodeOf, approvalTokenOf } from '../../src/vault/approval-code.ts'
import { canaryOf } from '../../src/vault/canary.ts'
import type { Secrets } from '../../src/vault/secrets.ts'
import { auditOf } from '../audit/audit-of.ts'

export const tenant = 'AC1'
export const otherTenant = 'AC2'

/** A source that has no secret for anybody. */
export const noSecrets: Secrets = {
  withSecret: async () => {
    throw new Failure('SECRET_UNAVAILABLE')
  }
}
const hour = 3_600_000
const indexKey = createSecretKey(Buffer.alloc(32, 7))

/** The code of a question, as the server derives it from a key. */
export const codeOf = (hash: string) => approvalCodeOf(indexKey, hash)

/** The token of one of its buttons. */
export const tokenOf = (hash: string, decision: string) => approvalTokenOf(indexKey, hash, decision)

/** What the outside does in a test of the engine. */
export interface Outside {
  respond?: (request: Request, signal: AbortSignal) => Promise<Partial<Turn>>
  transcribe?: Provider['transcribe']
  send?: (outgoing: Outgoing) => Promise<string>
  listSent?: Channel['listSent']
  /** Nobody can tap unless it is given. */
  createButtons?: Channel['createButtons']
  tools?: readonly Tool[]
  secrets?: Secrets
  /** What must not leave. */
  known?: KnownSecrets
  leaseMs?: number
  deletesMedia?: boolean
  /** There is an operator unless it is said that there is none. */
  hasOperator?: boolean
  /** Whose lanes the worker works; `tenant` alone unless others are given. */
  tenants?: readonly string[]
  /** Opens the store; the embedded one in `dir` unless another is given. */
  openStore?: (parts: Parameters<typeof openSqliteStore>[0]) => Promise<Store>
  /** What a person may use, over the defaults. */
  budgets?: Partial<Budgets>
  /** Stands between the rooms and the store. */
  wrap?: (store: Store) => Store
  /** One keeps the dispatcher from looking for work while a lane is at work. */
  concurrency?: number
}

/** The engine and a worker on a real store, under a clock that is moved by hand. The channel and the provider are functions of the test. */
export async function openEngine(t: Pick<Test, 'testdir' | 'teardown'>, outside: Outside = {}) {
  let ms = Date.UTC(2026, 10, 23)
  const clock = { now: () => ms, monotonic: () => ms }
  const entropy = systemEntropy
  const dir = join(t.testdir(), 'data')
  const store = await (outside.openStore ?? openSqliteStore)({ dir, clock, entropy, contentMs: 30 * 24 * hour })
  const sent: Outgoing[] = []
  const sentBy: { tenant: string; to: string; text: string }[] = []
  const seen: { event: EventName; fields: Record<string, unknown> }[] = []
  const observe = (event: EventName, fields: object) => void seen.push({ event, fields: { ...fields } })
  const provider: Provider = {
    transcribe: outside.transcribe ?? (async () => ({ text: 'words', language: null, provider: 'p', model: 'm' })),
    respond: async (request, signal) => ({
      ...{ text: 'Done.', calls: [], provider: 'p', model: 'm', tokens: { input: 1, output: 1 } },
      ...(await outside.respond?.(request, signal))
    })
  }
  const channel: Channel = {
    receive: () => {
      throw new TypeError('nothing is received here')
    },
    status: () => {
      throw new TypeError('nothing is received here')
    },
    fetchAudio: async (_message, attachment) => ({
      bytes: Buffer.from(`audio ${attachment}`),
      type: 'audio/ogg',
      seconds: 1
    }),
    deleteAudio: async () => {},
    split: text => text.split('|'),
    async send(outgoing) {
      const message = (await outside.send?.(outgoing)) ?? `SM${sent.length + 1}`
      sent.push(outgoing)
      return message
    },
    canTap: ({ from }) => outside.createButtons !== undefined && from !== '',
    createButtons: outside.createButtons ?? (async () => ''),
    listSent: outside.listSent ?? (async () => []),
    listReceived: async () => ({ received: [], unreadable: 0, complete: true }),
    sendTimeoutMs: 5_000,
    windowMs: () => 24 * hour
  }
  const registry = createRegistry(outside.tools ?? taskTools)
  const maxToolCalls = 12
  const linkHosts = new Set<string>()
  const canary = (account: string, execution: string) =>
    canaryOf(createSecretKey(Buffer.alloc(32, 7)), account, execution)
  const agent = createAgent({
    linkHosts,
    canaryOf: canary,
    ...{
      provider,
      registry,
      instructions,
      timeZone: 'UTC',
      maxToolCalls,
      memoryTokens: 4_000,
      clock
    }
  })
  const rules = {
    registry,
    maxToolCalls,
    policyVersion: policy.version,
    linkHosts,
    hasOperator: outside.hasOperator ?? true,
    decide: (call: Parameters<typeof decide>[0], rest: Parameters<typeof decide>[1]) => decide(call, rest, policy)
  }
  const budgetsOf = () => ({ messagesPerMinute: 0, ...defaultBudgets, ...outside.budgets })
  const parts = { store: outside.wrap?.(store) ?? store, clock, entropy, observe, auditOf }
  const engine = createEngine({
    ...parts,
    provider,
    channelOf: of => ({
      ...channel,
      async send(outgoing, signal) {
        const message = await channel.send(outgoing, signal)
        sentBy.push({ tenant: of, to: outgoing.to, text: outgoing.text })
        return message
      }
    }),
    agent,
    rules,
    codeOf,
    tokenOf,
    spending: createSpending({ store: parts.store, budgetsOf, observe }),
    switches: createSwitches({ store, clock, toldOf: (...act) => switchAct(entropy.id(), ...act) }),
    pseudonym: (_tenant, address) => address,
    secrets: outside.secrets ?? noSecrets,
    egress: createEgress({ known: outside.known ?? createKnownSecrets(), canaryOf: canary }),
    audioMs: 24 * hour,
    deletesMedia: () => outside.deletesMedia === true
  })
  const worker = createWorker(engine, {
    ...{
      tenants: outside.tenants ?? [tenant, otherTenant],
      concurrency: outside.concurrency ?? 4,
      leaseMs: outside.leaseMs ?? 60_000,
      contentMs: hour,
      pollMs: 5
    }
  })
  t.teardown(async () => {
    await worker.stop(0)
    await store.close()
  })

  let made = 0
  async function accept(
    draft: Draft,
    lane = 'lane-1',
    more: (frames: Frame[]) => Frame[] = frames => frames,
    of: { tenant: string; principal: string } = { tenant, principal: lane }
  ): Promise<string> {
    const id = `messaging:${of.tenant}:SM${++made}`
    const frames = more([makeFrame(id, noTail, draft, parts) as Frame])
    await store.accept({ id, lane, ...of, frames, state: 'queued' })
    return id
  }

  async function until(id: string, check: (execution: Execution) => boolean): Promise<Execution> {
    for (let i = 0; i < 500; i++) {
      const execution = await store.read(id)
      if (execution !== null && check(execution)) return execution
      await wait(10)
    }
    throw new Error(
      `it does not come to hold: ${JSON.stringify((await store.read(id))?.frames.map(frame => frame.kind))}`
    )
  }

  return {
    ...{ store, dir, worker, sent, sentBy, seen, parts, accept, until },
    advance: (by: number) => {
      ms += by
    },
    ended: (id: string) => until(id, ({ state }) => !['queued', 'running'].includes(state))
  }
}

/** A typed message, or a voice message with so many notes. */
export function said(text: string, notes = 0): Draft {
  const media = Array.from({ length: notes }, (_, i) => ({ id: `ME${i}`, type: 'audio/ogg', audio: true }))
  return {
    kind: notes > 0 ? 'voice.received' : 'text.received',
    data: {
      channel: 'messaging',
      account: tenant,
      message: 'SM1',
      from: '+15550001111',
      to: '+15550002222',
      text,
      media,
      forwarded: false
    },
    parent: null,
    provenance: { origin: 'test', integrity: 'user_typed', confidentiality: 'user', ref: null }
  } as Draft
}

/** The kinds of an execution's frames, in order. */
export function kindsOf(execution: Execution): string[] {
  return execution.frames.map(frame => frame.kind)
}
