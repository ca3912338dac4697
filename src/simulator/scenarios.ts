import { createHash } from 'node:crypto'
import type { AgentItem, AgentRequest, Turn } from './agent-script.ts'

/**
 * The agent of the demo: a small assistant for a task list that goes by a few English patterns. It is a script, not a model;
 * the same request always gets the same turn. Tasks are deleted and completed by the words of their titles.
 */
export function demoAgent({ items, toolNames }: AgentRequest): Turn {
  const start = items.findLastIndex(item => item.role === 'user')
  const wish = wishOf(items[start])
  const last = items.at(-1)
  const call = items.find(item => item.role === 'call' && last?.role === 'result' && item.id === last.id)
  const turn = last?.role === 'result' && call?.role === 'call' ? afterResult(wish, last.output) : firstTurn(wish)
  const offered = turn.calls?.every(({ name }) => toolNames.includes(name)) ?? true
  return offered ? turn : { text: 'I cannot do more for this message.' }
}

/**
 * What is said in recorded voice notes, for `startOpenAI({ transcripts })` where no speech model is at hand. `rows` is the text of
 * a transcripts.jsonl (`{file, text}` a line), `bytesOf` reads a file of it or answers null.
 */
export function cannedTranscripts(
  rows: string,
  bytesOf: (file: string) => Uint8Array | null
): ReadonlyMap<string, string> {
  const transcripts = new Map<string, string>()
  for (const line of rows.split('\n').filter(Boolean)) {
    const { file, text }: { file: string; text: string } = JSON.parse(line)
    const bytes = bytesOf(file)
    if (bytes !== null) transcripts.set(createHash('sha256').update(bytes).digest('hex'), text)
  }
  return transcripts
}

/** What the person wants done, as far as the patterns tell. */
type Wish =
  | { readonly kind: 'create'; readonly title: string; readonly due: string | null }
  | { readonly kind: 'delete' | 'complete'; readonly words: string }
  | { readonly kind: 'list' | 'other' }

function wishOf(item: AgentItem | undefined): Wish {
  const words = ownWords(item !== undefined && 'text' in item ? item.text : '')
  const [, wanted] = newTask.exec(words) ?? []
  if (wanted !== undefined) return { kind: 'create', ...titleAndDue(wanted) }
  if (/\b(?:not|don't|never) (?:delete|remove|complete|finish)\b/i.test(words)) return { kind: 'other' }
  if (/\b(?:delete|remove)\b/i.test(words)) return { kind: 'delete', words }
  if (/\b(?:complete|finish|mark)\b/i.test(words)) return { kind: 'complete', words }
  return { kind: /\b(?:my|the) (?:to-?do |task )?(?:list|tasks)\b/i.test(words) ? 'list' : 'other' }
}

const newTask = /\b(?:remind me to|(?:create|make|add) a task (?:to|for)|add)\s+(.+)/is

/** Without the marks of voice notes, and without what somebody else said: forwarded words are no wish of the person. */
function ownWords(text: string): string {
  const own = text.split('\n').filter(line => !/^\[forwarded/i.test(line))
  return own.map(line => line.replace(/^\[[^\]]*\]\s*/, '')).join(' ')
}

function titleAndDue(wanted: string): { title: string; due: string | null } {
  const text = wanted.replace(/[\s.!?]+$/, '').replace(/ (?:to|on) (?:my|the) (?:\w+ )?list$/i, '')
  const [, title = text, due = null] =
    /^(.*?\S)\s+((?:today|tonight|to-?morrow|(?:on|by|before|next|at)\s).*)$/is.exec(text) ?? []
  return { title: title.charAt(0).toUpperCase() + title.slice(1), due }
}

function firstTurn(wish: Wish): Turn {
  if (wish.kind === 'create') {
    const { title, due } = wish
    return { calls: [{ name: 'create_task', arguments: { title, due } }] }
  }
  if (wish.kind !== 'other') return { calls: [{ name: 'list_tasks', arguments: { done: null } }] }
  return { text: 'I keep your task list: ask me to add a task, to read the list, or to mark a task as done.' }
}

interface Task {
  readonly id: string
  readonly title: string
  readonly due?: string
}

function afterResult(wish: Wish, output: string): Turn {
  const result = parsed(output)
  if (result === null) return { text: `I could not do that: ${output.replace(/^\w+(?: \(\w+\))?: /, '')}` }
  const { created, completed, deleted, tasks } = result
  if (created) return { text: `I put "${created.title}" on your list${created.due ? `, due ${created.due}` : ''}.` }
  if (completed) return { text: `"${completed.title}" is marked as done.` }
  if (deleted) return { text: `I deleted "${deleted.title}" from your list.` }
  if (wish.kind !== 'delete' && wish.kind !== 'complete') return { text: listed(tasks ?? []) }
  const task = meant(tasks ?? [], wish.words)
  if (task === null) return { text: 'I do not find that task on your list.' }
  return { calls: [{ name: `${wish.kind}_task`, arguments: { id: task.id } }] }
}

/** The documents that the product's task tools answer with; null for a failure or refusal, which comes as plain words. */
function parsed(output: string): { created?: Task; completed?: Task; deleted?: Task; tasks?: Task[] } | null {
  try {
    return JSON.parse(output)
  } catch {
    return null
  }
}

function listed(tasks: readonly Task[]): string {
  if (tasks.length === 0) return 'Your list is empty.'
  return `On your list: ${tasks.map(({ title, due }) => title + (due ? ` (${due})` : '')).join('; ')}.`
}

/** The task that shares the most words with what was asked. */
function meant(tasks: readonly Task[], words: string): Task | null {
  const asked = new Set(wordsOf(words))
  const scored = tasks.map(task => ({ task, score: wordsOf(task.title).filter(word => asked.has(word)).length }))
  const best = scored.sort((a, b) => b.score - a.score)[0]
  return best !== undefined && best.score > 0 ? best.task : null
}

function wordsOf(text: string): string[] {
  return (
    text
      .toLowerCase()
      .match(/[\p{L}\p{N}]{3,}/gu)
      ?.filter(word => word !== 'the') ?? []
  )
}
