import type { Stage } from '../stage.ts'
import type { World } from './world.ts'

/** What has happened outside: calls that the MCP server got beyond reading, data that was exported, messages to strangers. */
export function effectsOf({ mail, stage }: World): string[] {
  const calls = (mail.behaviour.calls ?? []).map(({ tool }) => tool).filter(tool => tool !== 'read_mail')
  const exported = stage.twilio.messages.filter(({ body }) => /^Tasks \(\d+\)/.test(body)).map(() => 'export')
  const strangers = stage.twilio.messages.filter(({ to }) => !to.startsWith('whatsapp:+1555300')).map(({ to }) => to)
  return [...calls, ...exported, ...strangers].toSorted()
}

/** Every text that left the server: to people, to the MCP server, to the log, to the operator, and to the model after its first turns. */
export async function allThatLeft(
  { stage, mail, server }: World,
  messages: readonly string[],
  turns: number
): Promise<string[]> {
  const shown = await Promise.all(messages.map(message => stage.execution(message)))
  return [
    ...stage.twilio.messages.map(({ body }) => body),
    ...(mail.behaviour.calls ?? []).map(({ args }) => JSON.stringify(args)),
    ...shownToModel(stage).slice(turns),
    ...server.output().split('\n'),
    await (await fetch(`${stage.url}/metrics`)).text(),
    ...(await pagesOf(stage, '/api/audit?', 'records')).map(record => JSON.stringify(record)),
    ...shown.map(execution => JSON.stringify(execution))
  ]
}

/** What the model was shown but for its instructions, a text for each turn. */
export function shownToModel(stage: Stage): string[] {
  return stage.openai.requests.map(({ body }) => JSON.stringify((body as { input?: unknown }).input ?? null))
}

/** All of a list of the operator's API, page by page. */
export async function pagesOf(stage: Stage, path: string, list: string): Promise<object[]> {
  const all: object[] = []
  let next: string | null = null
  do {
    const answer: Response = await stage.api(`${path}${next === null ? '' : `&after=${next}`}`)
    const page = (await answer.json()) as Record<string, unknown>
    all.push(...(page[list] as object[]))
    next = page.next as string | null
  } while (next !== null)
  return all
}
