import type { Agent } from '../../src/simulator/agent-script.ts'
import type { Tappable } from '../../src/simulator/caller.ts'
import type { SentMessage } from '../../src/simulator/twilio-messages.ts'
import type { Params } from '../../src/simulator/twilio-signer.ts'
import { accountSid, ours, type Shown, type Stage } from '../stage.ts'

const address = (i: number) => `whatsapp:+1555100${String(i).padStart(4, '0')}`

/** An agent that obeys: "add X" adds it, "delete X" deletes it, and it tells word for word what came of it. */
export const obedient: Agent = ({ items }) => {
  const said = items.flatMap(item => (item.role === 'user' ? [item.text] : [])).at(-1) ?? ''
  const last = items.at(-1)
  const [, verb, title] = /(add|delete|complete) (.*)/i.exec(said) ?? []
  if (last?.role !== 'result') {
    if (verb === undefined) return { text: `You said: ${said}` }
    if (verb === 'add') return { calls: [{ name: 'create_task', arguments: { title, due: null } }] }
    return { calls: [{ name: 'list_tasks', arguments: { done: null } }] }
  }
  const { tasks } = listOf(last.output)
  if (tasks === undefined) return { text: `It came to: ${last.output}` }
  const calls = tasks
    .filter(task => title === 'everything' || task.title === title)
    .map(({ id }) => ({ name: `${verb}_task`, arguments: { id } }))
  return calls.length > 0 ? { calls } : { text: `There is: ${JSON.stringify(tasks)}` }
}

function listOf(output: string): { tasks?: { id: string; title: string }[] } {
  try {
    return JSON.parse(output)
  } catch {
    return {}
  }
}

/** A person who waits for each answer. */
export function person(stage: Stage, i: number, { from = address(i), to = ours } = {}) {
  const caller = stage.callerOf(from, stage.url, to)
  const read = () => stage.read(from)
  const say = async (text: string) => {
    const { messageSid } = await caller.text(text)
    await stage.settled()
    return messageSid
  }
  /** The newest question, as it lies in Twilio's ledger. */
  const question = () => {
    const asked = stage.twilio.messages.filter(message => message.to === from && message.body.startsWith('🔐'))
    return asked.at(-1) as SentMessage
  }
  return {
    ...{ caller, read, say, question, last: () => read().at(-1) ?? '' },
    /** Taps, and waits for what comes of it. */
    async taps(message: Tappable, title: string, extra: Params = {}) {
      const { messageSid } = await caller.tap(message, title, extra)
      await stage.settled()
      return messageSid
    },
    /** Says something that is asked about; answers the message that waits. */
    async asks(text: string) {
      const sid = await say(text)
      await stage.ended(sid, ['parked'])
      return sid
    }
  }
}

/** The titles on a person's list, as the agent tells them. */
export async function titles(who: ReturnType<typeof person>): Promise<string> {
  await who.say('delete nothing')
  return who.last().replace(
    /\[.*\]/,
    list =>
      `[${JSON.parse(list)
        .map(({ title }: { title: string }) => title)
        .toSorted()
        .join(', ')}]`
  )
}

/** The code at the end of a question. */
export function codeIn(prompt: string): string {
  return /\d{6}$/.exec(prompt)?.[0] ?? 'no code'
}

/** The id of the execution of a message. */
export function idOf(sid: string): string {
  return `messaging:${accountSid}:${sid}`
}

/** The kinds of the frames of an execution, in order. */
export function kinds({ frames }: Shown): string[] {
  return frames.map(({ kind }) => kind)
}

/** The answers to the questions of an execution. */
export function decisionsIn({ frames }: Shown): object[] {
  return frames.filter(({ kind }) => kind === 'approval.decided').map(({ data }) => data)
}

/** What a message came to as evidence. */
export async function judged(stage: Stage, sid: string): Promise<object | undefined> {
  return (await stage.execution(sid))?.frames.find(({ kind }) => kind === 'evidence.judged')?.data
}

/** An approval as the API shows it. */
export interface ShownApproval {
  readonly id: string
  readonly execution: string
  readonly state: string
  readonly args: object
  readonly target: object
}

/** The questions as the API shows them. */
export async function approvalsOf(stage: Stage, query = ''): Promise<ShownApproval[]> {
  return ((await (await stage.api(`/api/approvals${query}`)).json()) as { approvals: ShownApproval[] }).approvals
}

/** The audit records of an action, newest first. */
export async function auditOf(stage: Stage, action: string) {
  const answer = await (await stage.api(`/api/audit?action=${action}`)).json()
  return (answer as { records: { actor: string; outcome: string; detail: { reason?: string } }[] }).records
}
