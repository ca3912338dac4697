import type { KeyObject } from 'node:crypto'
import { createAgent } from './agent/agent.ts'
import { instructions } from './agent/instructions.ts'
import { createAuditOf } from './audit/records.ts'
import { keepSealed } from './audit/sealing.ts'
import { switchAct } from './audit/switch-act.ts'
import type { Channel } from './channels/channel.ts'
import type { TwilioAccount } from './channels/twilio-account.ts'
import { createTwilioMessaging } from './channels/twilio-messaging.ts'
import type { ProviderSettings } from './config/providers.ts'
import type { Config } from './config.ts'
import type { Clock } from './frames/clock.ts'
import type { Entropy } from './frames/entropy.ts'
import type { Observe } from './frames/event.ts'
import type { State } from './frames/execution.ts'
import { keepHouse } from './inbox/housekeeping.ts'
import { createInbox, type Inbox } from './inbox/inbox.ts'
import { decideAsOperator } from './inbox/questions.ts'
import { keepReconciled } from './inbox/reconcile.ts'
import { retryExecution } from './inbox/retry.ts'
import { keepTimers } from './inbox/timers.ts'
import { createEngine } from './pipeline/engine.ts'
import { createWorker, type Worker } from './pipeline/worker.ts'
import { classOf, policy } from './policy/classes.ts'
import { decide } from './policy/decide.ts'
import { createSwitches, type Switches } from './policy/switches.ts'
import { createFallback } from './providers/fallback.ts'
import { createLocalSpeech } from './providers/local-speech.ts'
import { createResponder, createTranscriber } from './providers/openai.ts'
import type { Provider } from './providers/provider.ts'
import { defaultSpeechModelDir } from './providers/speech-model.ts'
import { openSqliteStore } from './store/sqlite/sqlite.ts'
import type { RecordKey, Store } from './store/store.ts'
import { auditKey as auditKeyAt, restoreMark } from './store/transfer.ts'
import { explained } from './store-refusals.ts'
import { contactTools } from './tools/contacts.ts'
import { createRegistry } from './tools/registry.ts'
import { taskTools } from './tools/tasks.ts'
import type { Tool } from './tools/tool.ts'
import { approvalCodeOf } from './vault/approval-code.ts'
import { type AuditKey, openAuditKey } from './vault/audit-key.ts'
import { fingerprintOf, openIndexKey, pseudonymOf } from './vault/index-key.ts'
import { readMasterKey } from './vault/master-key.ts'

const memoryTokens = 6_000
const pollMs = 1_000

/** The doors to the outside, opened. */
export interface Ports {
  readonly store: Store
  readonly provider: Provider
  readonly channel: Channel
}

/** What the rooms are given besides the configuration. `wrap` lets a harness stand between the rooms and the ports; `tools` are the built-in ones unless others are given. */
export interface Surroundings {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly observe: Observe
  readonly wrap?: (ports: Ports) => Ports
  readonly tools?: readonly Tool[]
}

/** The server without its HTTP side: everything that works, composed. */
export interface OpenSystem {
  readonly config: Config
  readonly clock: Clock
  readonly observe: Observe
  readonly accounts: ReadonlyMap<string, TwilioAccount>
  readonly channelOf: (tenant: string) => Channel
  readonly store: Store
  readonly storeName: 'sqlite' | 'mongodb'
  readonly inbox: Inbox
  readonly worker: Worker
  readonly switches: Switches
  readonly retry: (id: string, effect?: 'happened' | 'did not happen') => Promise<State>
  readonly decide: (approval: string, state: 'approved' | 'denied') => Promise<{ state: string }>
  /** Stops the house-keeping, the timers, the reconciler and the local speech, and closes the store. The worker is stopped before. */
  close(): Promise<void>
}

/** Opens the adapters and composes the rooms: the only place that does. Rejects with an Error that says what to do. */
export async function openSystem(config: Config, surroundings: Surroundings): Promise<OpenSystem> {
  const { clock, entropy, observe, wrap = ports => ports, tools = [...taskTools, ...contactTools] } = surroundings
  const masterKey = readMasterKey(config.dataDir, config.masterKey ?? undefined, entropy)
  const opened = await openStore(config, surroundings)
  const providers = await openProviders(config, clock, observe).catch(async error => {
    await opened.close()
    throw error
  })
  const messaging = createTwilioMessaging({ ...config, apiUrl: config.twilioApiUrl, clock, observe })
  const { store, provider, channel } = wrap({ store: opened, provider: providers.provider, channel: messaging })
  const { indexKey, auditKey } = await openKeys(store, masterKey, entropy).catch(async error => {
    await providers.close()
    await opened.close()
    throw error
  })

  const accounts = new Map([[config.account.sid, config.account]])
  const channelOf = () => channel
  const registry = createRegistry(tools)
  const rules = {
    registry,
    maxToolCalls: config.maxToolCalls,
    policyVersion: policy.version,
    decide: (call: Parameters<typeof decide>[0], rest: Parameters<typeof decide>[1]) => decide(call, rest, policy)
  }
  const agent = createAgent({ ...config, provider, offers: registry.offers(), instructions, memoryTokens, clock })
  const auditOf = createAuditOf({
    fingerprint: text => fingerprintOf(indexKey, text),
    classOf: name => {
      const tool = registry.get(name)
      return tool === undefined ? null : classOf(tool.annotations)
    }
  })
  const codeOf = (hash: string) => approvalCodeOf(indexKey, hash)
  const pseudonym = (tenant: string, address: string) => pseudonymOf(indexKey, tenant, address)
  const toldOf = (target: string, isOff: boolean, now: number) => switchAct(entropy.id(), target, isOff, now)
  const switches = createSwitches({ store, clock, toldOf })
  const parts = { store, clock, entropy, observe, auditOf, codeOf, pseudonym, switches }
  const engine = createEngine({
    ...parts,
    provider,
    channelOf,
    agent,
    rules,
    linkHosts: config.linkHosts,
    audioMs: config.retention.audioMs
  })
  const worker = createWorker(engine, {
    tenants: [...accounts.keys()],
    concurrency: config.workerConcurrency,
    leaseMs: config.leaseMs,
    contentMs: config.retention.contentMs,
    pollMs
  })
  const inbox = createInbox({
    ...parts,
    allowed: (tenant, address) => isAllowed(accounts.get(tenant), address)
  })
  const stopHouse = keepHouse(parts)
  const stopTimers = keepTimers(parts)
  const stopReconciling = keepReconciled({ ...parts, inbox, channelOf, tenants: [...accounts.keys()] })
  const stopSealing = keepSealed({ ...parts, key: auditKey, file: config.auditHeadsFile })
  return {
    config,
    clock,
    observe,
    accounts,
    channelOf,
    store,
    storeName: config.databaseUri === undefined ? 'sqlite' : 'mongodb',
    inbox,
    worker,
    switches,
    retry: (id, effect) => retryExecution(parts, id, effect),
    decide: (id, state) => decideAsOperator(parts, id, state),
    async close() {
      await Promise.all([stopHouse(), stopTimers(), stopReconciling()])
      await stopSealing()
      await providers.close()
      await opened.close()
    }
  }
}

async function openStore(
  { databaseUri, dataDir, retention }: Config,
  { clock, entropy }: Surroundings
): Promise<Store> {
  const parts = { clock, entropy, contentMs: retention.contentMs, auditMs: retention.auditMs }
  if (databaseUri === undefined) return openSqliteStore({ dir: dataDir, ...parts })
  // Loaded here, because the driver takes 30 MB, which the embedded store does without.
  const { openMongoStore } = await import('./store/mongodb/mongodb.ts')
  return openMongoStore({ uri: databaseUri, ...parts }).catch(error => {
    throw explained(error)
  })
}

function isAllowed(account: TwilioAccount | undefined, address: string): boolean {
  return account !== undefined && (account.allowed === '*' || account.allowed.has(address))
}

/** Opens the keys that names and the audit's heads are made with. Before it nothing is written to a store that is being restored; after it, because that may have begun meanwhile. */
async function openKeys(store: Store, masterKey: Buffer, entropy: Entropy): Promise<Keys> {
  await mustBeWhole(store)
  const indexKey = await openIndexKey(masterKey, keptIn(store, indexKeyAt), entropy)
  const auditKey = await openAuditKey(masterKey, keptIn(store, auditKeyAt), entropy)
  await mustBeWhole(store)
  return { indexKey, auditKey }
}

type Keys = { readonly indexKey: KeyObject; readonly auditKey: AuditKey }
const indexKeyAt: RecordKey = { tenant: 'server', user: 'server', kind: 'key', id: 'index' }

async function mustBeWhole(store: Store): Promise<void> {
  if ((await store.record(restoreMark)) === null) return
  throw new Error('A restore into this store has not ended: run "knomly restore" again with the same file, to its end.')
}

function keptIn(store: Store, key: RecordKey) {
  return {
    read: async () => ((await store.record(key))?.data as string | undefined) ?? null,
    write: (wrapped: string) => store.putRecord(key, wrapped, 0)
  }
}

async function openProviders(
  config: Config,
  clock: Clock,
  observe: Observe
): Promise<{ provider: Provider; close(): Promise<void> }> {
  const named = (settings: ProviderSettings) => {
    return { ...settings, name: new URL(settings.baseUrl).hostname, clock, observe }
  }
  const respond = config.providers.respond.map(each => createResponder(named(each)))
  if (config.speech === 'openai') {
    const transcribe = config.providers.transcribe.map(each => createTranscriber(named(each)))
    return { provider: createFallback({ transcribe, respond }), close: async () => {} }
  }
  const { maxAudioSeconds: maxSeconds } = config
  const local = createLocalSpeech({ modelDir: defaultSpeechModelDir, maxSeconds, observe, clock })
  // Loaded now, so that a missing model stops the start and not the first voice note.
  if (config.workerConcurrency > 0) await local.ready()
  return { provider: createFallback({ transcribe: [local], respond }), close: () => local.close() }
}
