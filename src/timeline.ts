import { cleanText } from './agent/answer.ts'
import { checkChain, type Frame } from './frames/frame.ts'
import { type DataOf, type Kind, noteKinds } from './frames/kinds.ts'
import { counted, type Screen, size } from './screen.ts'

/** A frame as `GET /api/executions/:id` shows it. */
export type ShownFrame<K extends Kind = Kind> = K extends Kind ? Omit<Frame<K>, 'salt' | 'execution'> : never

/** An execution as the API shows it; a purged one has `n` frames and shows none. */
export interface ShownExecution {
  readonly id: string
  readonly state: string
  readonly at: string
  readonly n: number
  readonly frames: readonly ShownFrame[]
}

/**
 * The lines of one frame: position, milliseconds since the message was accepted, kind, a short fact and the start of its hash.
 * With `show` what was said and done follows it; without, no word and no number of a person is in them.
 */
export function frameLines(frame: ShownFrame, acceptedAt: string, show: boolean, screen: Screen): string[] {
  // The first frame is made a moment before it is kept.
  const offset = `+${Math.max(0, Date.parse(frame.at) - Date.parse(acceptedAt))} ms`
  const fact = factOf(frame)
  const line = [
    String(frame.n).padStart(4),
    offset.padStart(9),
    frame.kind.padEnd(18),
    fact.padEnd(factWidth),
    screen.styled('dim', frame.hash.slice(0, 8))
  ].join('  ')
  const shown = noteKinds.has(frame.kind) ? screen.styled('dim', line) : line
  const content = show ? contentOf(frame).flatMap(text => cleanText(text).split('\n')) : []
  return [shown, ...content.map(text => `${' '.repeat(contentIndent)}${screen.styled('dim', '|')} ${text}`)]
}

/** The whole of an execution, and whether its chain of hashes is whole. */
export function timelineLines(execution: ShownExecution, show: boolean, screen: Screen): string[] {
  const { id, state, at, frames, n } = execution
  const head = [screen.styled('bold', id), `${state}, accepted ${at}`]
  if (frames.length === 0) return [...head, `Its ${counted(n, 'frame')} were purged: their time was over.`]
  return [...head, ...frames.flatMap(frame => frameLines(frame, at, show, screen)), chainLine(execution, screen)]
}

/** Whether every frame hangs on the one before it. The API keeps the salts, so that content is checked by its commitment alone. */
export function chainIsWhole({ id, frames }: ShownExecution): boolean {
  return flawOf({ id, frames }) === null
}

const factWidth = 44
const contentIndent = 19

function chainLine({ id, frames }: ShownExecution, screen: Screen): string {
  const flaw = flawOf({ id, frames })
  if (flaw === null) return `${counted(frames.length, 'frame')}, the chain of hashes is whole.`
  return screen.styled('red', `The chain is broken at frame ${flaw.n} (${flaw.flaw}): the store was changed by hand.`)
}

function flawOf({ id, frames }: Pick<ShownExecution, 'id' | 'frames'>): ReturnType<typeof checkChain> {
  return checkChain(frames.map(({ data: _content, ...frame }) => ({ ...frame, execution: id })))
}

/** A frame of a kind that this build does not know has no fact. */
function factOf({ kind, data }: ShownFrame): string {
  const fact = Object.hasOwn(facts, kind) ? (facts[kind] as (data: object) => string)(data) : ''
  return fact.length > factWidth ? `${fact.slice(0, factWidth - 1)}…` : fact
}

function contentOf({ kind, data }: ShownFrame): string[] {
  return Object.hasOwn(contents, kind) ? (contents[kind] as (data: object) => string[])(data) : []
}

const facts: { readonly [K in Kind]: (data: DataOf<K>) => string } = {
  'voice.received': ({ media, text, forwarded }) =>
    list(counted(media.length, 'attachment'), text !== '' && 'a caption', forwarded && 'forwarded'),
  'text.received': ({ text, media, forwarded }) =>
    list(
      counted(text.length, 'character'),
      media.length > 0 && counted(media.length, 'attachment'),
      forwarded && 'forwarded'
    ),
  'code.received': ({ forwarded }) => list('six digits', forwarded && 'forwarded'),
  'command.received': ({ command }) => command,
  'message.refused': ({ reason, tell }) => list(reason, tell ? 'told' : 'not told'),
  'budget.exceeded': ({ budget, tell }) => list(budget, tell ? 'told' : 'not told'),
  'audio.downloaded': ({ type, bytes, seconds }) =>
    list(type, size(bytes), seconds !== null && `${seconds.toFixed(1)} s`),
  'speech.transcribed': ({ text, provider, model }) => list(counted(wordsIn(text), 'word'), `${provider} ${model}`),
  'tool.requested': ({ calls, tokens }) => list(calls.map(call => label(call.tool)).join(' + '), tokensIn(tokens)),
  'approval.requested': ({ binding, again }) =>
    list(
      binding.tool,
      `class ${binding.class}`,
      `until ${new Date(binding.exp).toISOString().slice(11, 19)}`,
      again > 0 && 'again'
    ),
  'prompt.started': ({ attempt }) => list(attempt > 1 && `attempt ${attempt}`),
  'prompt.posted': ({ message, reconciled }) => list(`${message.slice(0, 10)}…`, reconciled && 'found there already'),
  'button.tapped': ({ forwarded }) => list('a button', forwarded && 'forwarded'),
  'approval.attempted': () => 'a wrong code',
  'approval.agreed': ({ by, how }) => list(`by ${by}`, how),
  'approval.decided': ({ state, by, how }) => list(state, `by ${by}`, how),
  'evidence.judged': ({ verdict, reason }) => list(verdict, reason),
  'tool.started': ({ tool, class: of }) => list(tool, `class ${of}`),
  'tool.finished': ({ tool, outcome, code }) => list(label(tool), outcome, code),
  'reply.drafted': ({ parts, sentence, turn }) =>
    list(counted(parts.length, 'part'), sentence, turn !== null && tokensIn(turn.tokens)),
  'reply.started': ({ part, attempt }) => list(`part ${part + 1}`, attempt > 1 && `attempt ${attempt}`),
  'reply.part-sent': ({ part, message, reconciled }) =>
    list(`part ${part + 1}`, `${message.slice(0, 10)}…`, reconciled && 'found there already'),
  'reply.sent': ({ parts }) => counted(parts, 'part'),
  'work.failed': ({ code, step, tries }) => list(code, step, tries > 1 && `${tries} tries`),
  'outcome.unknown': ({ code, step }) => list(code, step),
  'work.retried': ({ from, effect }) => list(`from frame ${from}`, effect),
  'work.cancelled': ({ reason }) => reason,
  'reply.delivered': ({ status }) => status,
  'reply.read': ({ status }) => status,
  'reply.failed': ({ status, code }) => list(status, code !== null && `Twilio's error ${code}`),
  'attempt.failed': ({ code, step, retryAt }) => list(code, step, `again at ${retryAt.slice(11, 19)}`),
  'delay.announced': ({ code }) => code
}

const contents: { readonly [K in Kind]?: (data: DataOf<K>) => string[] } = {
  'voice.received': ({ from, profile, text }) => [`from ${from}${profile ? ` (${profile})` : ''}`, ...given(text)],
  'text.received': ({ from, profile, text }) => [`from ${from}${profile ? ` (${profile})` : ''}`, ...given(text)],
  'command.received': ({ from, text }) => [`from ${from}`, ...given(text)],
  'speech.transcribed': ({ text }) => [text],
  'tool.requested': ({ calls, text }) => [...calls.map(call => `${call.tool} ${call.arguments}`), ...given(text)],
  'approval.requested': ({ prompt }) => [prompt],
  'tool.started': data => [JSON.stringify(data.arguments)],
  'tool.finished': ({ result }) => [result],
  'reply.drafted': ({ parts }) => [...parts]
}

function list(...items: (string | false | null | undefined)[]): string {
  return items.filter(Boolean).join(', ')
}

function given(text: string): string[] {
  return text === '' ? [] : [text]
}

/** A model can call a tool by any words: only what looks like a name is shown as one. */
function label(tool: string): string {
  return /^[\w.-]{1,64}$/.test(tool) ? tool : 'an unknown tool'
}

function tokensIn({ input, output }: { input: number; output: number }): string {
  return `${input} + ${output} tokens`
}

function wordsIn(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}
