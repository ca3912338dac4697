import { createSecretKey } from 'node:crypto'
import { z } from 'zod'
import { createAgent } from '../../src/agent/agent.ts'
import { instructions } from '../../src/agent/instructions.ts'
import { switchAct } from '../../src/audit/switch-act.ts'
import { payloadOf } from '../../src/channels/button-payload.ts'
import type { Channel } from '../../src/channels/channel.ts'
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { createEngine, type Engine } from '../../src/pipeline/engine.ts'
import { createWorker, type Worker } from '../../src/pipeline/worker.ts'
import { createSpending, defaultBudgets } from '../../src/policy/budgets.ts'
import { policy } from '../../src/policy/classes.ts'
import { decide } from '../../src/policy/decide.ts'
import { createEgress } from '../../src/policy/egress.ts'
import { createKnownSecrets } from '../../src/policy/known-secrets.ts'
import { createSwitches } from '../../src/policy/switches.ts'
import type { Provider } from '../../src/providers/provider.ts'
import type { Store } from '../../src/store/store.ts'
import { defineTool } from '../../src/tools/define-tool.ts'
import { createRegistry } from '../../src/tools/registry.ts'
import { approvalCodeOf, approvalTokenOf } from '../../src/vault/approval-code.ts'
import { auditOf } from '../audit/audit-of.ts'
import { noSecrets } from '../pipeline/engine-on-store.ts'
import type { Teardown } from './field.ts'

/** The working half of a server on a store that it shares with others, in this process. */
export interface Replica {
  readonly engine: Engine
  readonly worker: Worker
}

const indexKey = createSecretKey(Buffer.alloc(32, 7))
const noLinks = new Set<string>()
const canary = 'canary-of-the-test-0123456789'
const unbounded = { ...defaultBudgets, messagesPerMinute: 0, promptsPerHour: 100_000, openQuestions: 100_000 }
let sent = 0

/** What comes back when the button that approves a question is tapped. */
export function payloadFor(hash: string): string {
  return payloadOf('approve', approvalTokenOf(indexKey, hash, 'approve'))
}

/** Opens a replica whose model asks to burn whatever it is told to, and whose people can tap; `burnt` is told of each effect. */
export function openReplica(t: Teardown, store: Store, burnt: (name: string) => void): Replica {
  const common = { store, clock: systemClock, entropy: systemEntropy, observe: () => {}, auditOf }
  const registry = createRegistry([burn(burnt)])
  const provider: Provider = {
    transcribe: async () => ({ text: '', language: null, provider: 'p', model: 'm' }),
    async respond({ items }) {
      const turn = { text: '', calls: [], provider: 'p', model: 'm', tokens: { input: 1, output: 1 } }
      const last = items.at(-1)
      if (last === undefined || !('text' in last)) return { ...turn, text: 'Done.' }
      const name = last.text.replace('burn ', '')
      return { ...turn, calls: [{ id: 'c', tool: 'burn', arguments: JSON.stringify({ name }) }] }
    }
  }
  const rules = {
    registry,
    maxToolCalls: 12,
    policyVersion: policy.version,
    linkHosts: noLinks,
    hasOperator: true,
    decide: (...asked: [Parameters<typeof decide>[0], Parameters<typeof decide>[1]]) => decide(...asked, policy)
  }
  const agent = createAgent({
    ...{
      provider,
      registry,
      instructions,
      timeZone: 'UTC',
      maxToolCalls: 12,
      memoryTokens: 4_000
    },
    ...{ linkHosts: noLinks, clock: systemClock, canaryOf: () => canary }
  })
  const engine = createEngine({
    ...common,
    ...{ provider, channelOf: () => channel, agent, rules, audioMs: 3_600_000 },
    ...{ secrets: noSecrets, egress: createEgress({ known: createKnownSecrets(), canaryOf: () => canary }) },
    spending: createSpending({ ...common, budgetsOf: () => unbounded }),
    deletesMedia: () => false,
    codeOf: hash => approvalCodeOf(indexKey, hash),
    tokenOf: (hash, decision) => approvalTokenOf(indexKey, hash, decision),
    switches: createSwitches({ ...common, toldOf: (...act) => switchAct(systemEntropy.id(), ...act) }),
    pseudonym: (_tenant, address) => address
  })
  const worker = createWorker(engine, {
    ...{ tenants: ['AC1'], concurrency: 8, leaseMs: 60_000, contentMs: 3_600_000, pollMs: 20 }
  })
  t.teardown(() => worker.stop(0))
  return { engine, worker }
}

function burn(burnt: (name: string) => void) {
  return defineTool({
    name: 'burn',
    description: 'Burns something.',
    input: z.strictObject({ name: z.string() }),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    repeatable: false,
    describe: ({ name }) => `Burn ${name}`,
    async run({ name }) {
      burnt(name)
      return { outcome: 'done', result: 'ashes' }
    }
  })
}

const notAsked = () => {
  throw new TypeError('nothing is received here')
}
const channel: Channel = {
  ...{ receive: notAsked, status: notAsked, fetchAudio: notAsked, deleteAudio: notAsked },
  split: text => [text],
  send: async () => `SM-sent-${++sent}`,
  canTap: () => true,
  createButtons: async () => 'HX1',
  listSent: async () => [],
  listReceived: async () => ({ received: [], unreadable: 0, complete: true }),
  sendTimeoutMs: 5_000,
  windowMs: () => Number.POSITIVE_INFINITY
}
