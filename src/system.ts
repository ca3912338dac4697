import { createAgent } from './agent/agent.ts'
import { instructions } from './agent/instructions.ts'
import { mediaAct } from './audit/media-act.ts'
import { createAuditOf } from './audit/records.ts'
import { repeatAct } from './audit/repeat-act.ts'
import { keepSealed } from './audit/sealing.ts'
import { switchAct } from './audit/switch-act.ts'
import type { Channel } from './channels/channel.ts'
import type { TwilioAccount } from './channels/twilio-account.ts'
import { createTwilioMessaging } from './channels/twilio-messaging.ts'
import type { ProviderSettings } from './config/providers.ts'
import type { Config } from './config.ts'
import { custodyOf } from './custody.ts'
import type { Clock } from './frames/clock.ts'
import type { Observe } from './frames/event.ts'
import type { State } from './frames/execution.ts'
import type { Custody } from './inbox/custody.ts'
import { keepHouse } from './inbox/housekeeping.ts'
import { createInbox, type Inbox } from './inbox/inbox.ts'
import { keepMediaDeleted } from './inbox/media-deletion.ts'
import { decideAsOperator } from './inbox/questions.ts'
import { keepReconciled } from './inbox/reconcile.ts'
import { retryExecution } from './inbox/retry.ts'
import { keepTimers } from './inbox/timers.ts'
import { type KeptStoreParts, openKeptStore } from './kept-store.ts'
import { ownSecrets } from './own-secrets.ts'
import { createEngine } from './pipeline/engine.ts'
import { createWorker, type Worker } from './pipeline/worker.ts'
import { createSpending } from './policy/budgets.ts'
import { policy } from './policy/classes.ts'
import { decide } from './policy/decide.ts'
import { createEgress } from './policy/egress.ts'
import { createKnownSecrets } from './policy/known-secrets.ts'
import { createSwitches, type SwitchedBy, type Switches } from './policy/switches.ts'
import { createFallback } from './providers/fallback.ts'
import { createLocalSpeech } from './providers/local-speech.ts'
import { createResponder, createTranscriber } from './providers/openai.ts'
import type { Provider } from './providers/provider.ts'
import { defaultSpeechModelDir } from './providers/speech-model.ts'
import { openRemoteTools } from './remote-tools.ts'
import type { AuditOf } from './store/audit.ts'
import type { Store } from './store/store.ts'
import { contactTools } from './tools/contacts.ts'
import { exportTools } from './tools/export.ts'
import type { Catalogue } from './tools/mcp/catalogue.ts'
import { createRegistry } from './tools/registry.ts'
import { taskTools } from './tools/tasks.ts'
import type { Tool } from './tools/tool.ts'
import { approvalCodeOf, approvalTokenOf } from './vault/approval-code.ts'
import { canaryOf } from './vault/canary.ts'
import { pseudonymOf } from './vault/index-key.ts'
import { openSource } from './vault/open-source.ts'
import { remembered } from './vault/remembered.ts'
import { createSecrets } from './vault/scoped-secrets.ts'

const memoryTokens = 6_000
const pollMs = 1_000

/** The doors to the outside, opened; `channel` is that of the first account. */
export interface Ports {
  readonly store: Store
  readonly provider: Provider
  readonly channel: Channel
}

/** What the rooms are given besides the configuration. `wrap` lets a harness stand between the rooms and the ports; `tools` are the built-in ones unless others are given; `auditOf` says what is told of frames. */
export interface Surroundings extends KeptStoreParts {
  readonly observe: Observe
  readonly auditOf?: AuditOf
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
  readonly custody: Custody
  /** The tools of this server itself, and those of other servers. */
  readonly tools: { readonly own: readonly Tool[]; readonly remote: Catalogue | undefined }
  readonly retry: (id: string, effect?: 'happened' | 'did not happen') => Promise<State>
  readonly decide: (approval: string, state: 'approved' | 'denied') => Promise<{ state: string }>
  /** Stops the house-keeping, the timers, the reconciler and the local speech, and closes the store. The worker is stopped before. */
  close(): Promise<void>
}

/** Opens the adapters and composes the rooms: the only place that does. Rejects with an Error that says what to do. */
export async function openSystem(config: Config, surroundings: Surroundings): Promise<OpenSystem> {
  const {
    clock,
    entropy,
    observe,
    wrap = ports => ports,
    tools = [...taskTools, ...contactTools, ...exportTools]
  } = surroundings
  const tenants = config.accounts.map(({ sid }) => sid)
  const source = await openSource(config.secrets, tenants)
  const kept = await openKeptStore(config, surroundings)
  const providers = await openProviders(config, clock, observe).catch(async error => {
    await kept.close()
    throw error
  })
  const { indexKey } = kept
  const { account, twilioApiUrl: apiUrl } = config
  const accounts = new Map(config.accounts.map(each => [each.sid, each]))
  const open = (of: TwilioAccount) => createTwilioMessaging({ ...config, account: of, apiUrl, clock, observe })
  const { store, provider, channel } = wrap({ store: kept.store, provider: providers.provider, channel: open(account) })
  const channels = new Map(config.accounts.map(each => [each.sid, each === account ? channel : open(each)]))
  const known = createKnownSecrets()
  for (const secret of ownSecrets(config, accounts.values(), [...kept.masterKeys, indexKey.export()])) known.add(secret)
  const secrets = createSecrets({ source, clock, handedOut: secret => known.add(secret.reveal()) })
  const remote = await openRemoteTools(config, { store, clock, observe, tools, secrets }).catch(async error => {
    await providers.close()
    await kept.close()
    throw error
  })
  const registry = createRegistry(tools, remote)
  const channelOf = (tenant: string) => {
    const its = channels.get(tenant)
    if (its === undefined) throw new TypeError('no account of this name is configured')
    return its
  }
  const rules = {
    registry,
    maxToolCalls: config.maxToolCalls,
    policyVersion: policy.version,
    linkHosts: config.linkHosts,
    hasOperator: config.operatorToken !== undefined,
    decide: (call: Parameters<typeof decide>[0], rest: Parameters<typeof decide>[1]) => decide(call, rest, policy)
  }
  // Each turn of a message asks for its canary, and each message for the name of its sender.
  const canary = remembered(100, (tenant, execution) => canaryOf(indexKey, tenant, execution))
  const pseudonym = remembered(2_000, (tenant, address) => pseudonymOf(indexKey, tenant, address))
  const egress = createEgress({ known, canaryOf: canary })
  const agent = createAgent({ ...config, provider, registry, instructions, memoryTokens, clock, canaryOf: canary })
  const classOf = (name: string) => registry.get(name)?.class ?? null
  const { auditOf = createAuditOf({ classOf }) } = surroundings
  const codeOf = (hash: string) => approvalCodeOf(indexKey, hash)
  const tokenOf = (hash: string, decision: string) => approvalTokenOf(indexKey, hash, decision)
  const toldOf = (...act: [string, boolean, number, SwitchedBy]) => switchAct(entropy.id(), ...act)
  const switches = createSwitches({ store, clock, toldOf })
  const spending = createSpending({ store, budgetsOf: config.budgetsOf, observe })
  const parts = {
    store,
    clock,
    entropy,
    observe,
    auditOf,
    codeOf,
    tokenOf,
    pseudonym,
    switches,
    spending,
    secrets,
    egress
  }
  const engine = createEngine({
    ...parts,
    provider,
    channelOf,
    agent,
    rules,
    audioMs: config.retention.audioMs,
    deletesMedia: tenant => accounts.get(tenant)?.deletesMedia === true
  })
  const worker = createWorker(engine, {
    tenants,
    concurrency: config.workerConcurrency,
    leaseMs: config.leaseMs,
    contentMs: config.retention.contentMs,
    pollMs
  })
  const inbox = createInbox({
    ...parts,
    repeatOf: repeatAct,
    allowed: (tenant, address) => isAllowed(accounts.get(tenant), address)
  })
  const stopHouse = keepHouse(parts)
  const stopTimers = keepTimers(parts)
  const deleting = config.accounts.filter(({ deletesMedia }) => deletesMedia).map(({ sid }) => sid)
  const stopDeleting = keepMediaDeleted({ ...parts, channelOf, toldOf: mediaAct, tenants: deleting })
  const stopReconciling = keepReconciled({ ...parts, inbox, channelOf, tenants })
  const stopSealing = keepSealed({ ...parts, key: kept.auditKey, file: config.auditHeadsFile })
  return {
    config,
    clock,
    observe,
    accounts,
    channelOf,
    store,
    storeName: kept.name,
    custody: custodyOf(kept, { ...parts, dataDir: config.dataDir, tenants }),
    inbox,
    worker,
    switches,
    tools: { own: tools, remote },
    retry: (id, effect) => retryExecution(parts, id, effect),
    decide: (id, state) => decideAsOperator(parts, id, state),
    async close() {
      await Promise.all([stopHouse(), stopTimers(), stopDeleting(), stopReconciling(), remote?.close()])
      await stopSealing()
      await providers.close()
      await kept.close()
    }
  }
}

function isAllowed(account: TwilioAccount | undefined, address: string): boolean {
  return account !== undefined && (account.allowed === '*' || account.allowed.has(address))
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
