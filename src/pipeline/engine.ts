import type { Agent } from '../agent/agent.ts'
import type { Channel } from '../channels/channel.ts'
import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import type { Observe } from '../frames/event.ts'
import { received } from '../frames/execution.ts'
import type { Frame } from '../frames/frame.ts'
import type { Spending } from '../policy/budgets.ts'
import type { Egress } from '../policy/egress.ts'
import type { Switches } from '../policy/switches.ts'
import type { Provider } from '../providers/provider.ts'
import type { AuditOf } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import type { Secrets } from '../vault/secrets.ts'
import type { Table } from './pipeline.ts'
import type { Processor } from './processor.ts'
import { createAnnounceDelay } from './processors/announce-delay.ts'
import { createBindCall } from './processors/bind-call.ts'
import { createDownloadAudio } from './processors/download-audio.ts'
import { afterEvidence, createJudgeEvidence, judgeOrThink } from './processors/judge-evidence.ts'
import type { TokenOf } from './processors/judge-tap.ts'
import { nextAttachment } from './processors/next-attachment.ts'
import { type CallRules, createNextCall } from './processors/next-call.ts'
import { nextPart } from './processors/next-part.ts'
import { type CodeOf, createPostPrompt, startPrompt } from './processors/post-prompt.ts'
import { createRunTool } from './processors/run-tool.ts'
import { createSendPart } from './processors/send-part.ts'
import { createTell } from './processors/tell.ts'
import { createThink } from './processors/think.ts'
import { createTranscribe } from './processors/transcribe.ts'
import { wallIn } from './walled-channel.ts'

/** What the worker works with: the table, the processors it names, and `announceDelay`, which tells a person once that it takes longer. */
export interface Engine {
  readonly store: Store
  readonly table: Table
  readonly processors: ReadonlyMap<string, Processor>
  readonly announceDelay: Processor
  readonly switches: Switches
  /** What is told of the frames that are kept. */
  readonly auditOf: AuditOf
  readonly clock: Clock
  readonly entropy: Entropy
  readonly observe: Observe
}

/** What the engine is built from: the ports, the agent, the rules of calls, and how long audio is kept (ms). */
export interface EngineParts {
  readonly store: Store
  readonly provider: Pick<Provider, 'transcribe'>
  readonly channelOf: (tenant: string) => Channel
  readonly agent: Agent
  readonly rules: CallRules
  readonly audioMs: number
  /** Whether a tenant wants audio deleted on the other side once it is kept. */
  readonly deletesMedia: (tenant: string) => boolean
  readonly switches: Switches
  readonly spending: Spending
  /** Where tools' secrets come from. */
  readonly secrets: Secrets
  /** What must not leave. */
  readonly egress: Egress
  readonly auditOf: AuditOf
  /** The six digits that approve a question, by its hash. */
  readonly codeOf: CodeOf
  /** The tokens of its buttons. */
  readonly tokenOf: TokenOf
  /** Names an address of a tenant without telling it. */
  readonly pseudonym: (tenant: string, address: string) => string
  readonly clock: Clock
  readonly entropy: Entropy
  readonly observe: Observe
}

/** Puts the table together: the kind of the newest frame, and what takes it (design.md section 1). */
export function createEngine(given: EngineParts): Engine {
  const parts = { ...given, channelOf: wallIn(given.channelOf, given.egress) }
  const split = (frames: readonly Frame[], text: string) => parts.channelOf(received(frames).data.account).split(text)
  const nextCall = createNextCall(parts.rules)
  const tell = createTell(split, parts.egress)
  const table: Table = {
    'voice.received': nextAttachment,
    'audio.downloaded': nextAttachment,
    'speech.transcribed': nextAttachment,
    'text.received': judgeOrThink,
    'code.received': 'judge-evidence',
    'button.tapped': 'judge-evidence',
    'evidence.judged': afterEvidence(tell),
    'tool.requested': nextCall,
    'approval.requested': startPrompt,
    'prompt.started': 'post-prompt',
    'prompt.posted': () => 'rest',
    'approval.decided': nextCall,
    'tool.started': 'run-tool',
    'tool.finished': nextCall,
    'reply.drafted': nextPart,
    'reply.started': 'send-part',
    'reply.part-sent': nextPart,
    'reply.sent': () => 'rest',
    'command.received': tell,
    'message.refused': tell,
    'budget.exceeded': tell,
    'work.failed': tell,
    'outcome.unknown': tell
  }
  const processors = [
    createDownloadAudio(parts),
    createTranscribe(parts),
    createThink({ ...parts, split }),
    createRunTool({ ...parts, ...parts.rules }),
    createSendPart(parts),
    createBindCall({ ...parts, ...parts.rules }),
    createPostPrompt(parts),
    createJudgeEvidence(parts)
  ]
  const { store, auditOf, clock, entropy, observe } = parts
  return {
    store,
    table,
    processors: new Map(processors.map(processor => [processor.name, processor])),
    announceDelay: createAnnounceDelay(parts),
    switches: parts.switches,
    auditOf,
    clock,
    entropy,
    observe
  }
}
