import type { Child } from './child.ts'
import type { Posted } from './generator.ts'
import type { Note } from './messages.ts'

const noteConnections = 32

/** Posts text messages and answers how many were acknowledged a second. Rejects where one was not. */
export async function postTexts(generator: Child, url: string, connections: number, count: number): Promise<number> {
  await generator.ask('prepareTexts', { url, count })
  return (count / (await postAll(generator, url, connections, count))) * 1_000
}

/** Posts voice notes and answers how long it took until every one had its reply, ms. Rejects where one was not acknowledged. */
export async function postNotes(generator: Child, standIns: Child, url: string, count: number): Promise<number> {
  await generator.ask('prepareNotes', { url, notes: await standIns.ask<Note[]>('shelve', count) })
  const replied = standIns.ask('replies', count)
  const started = performance.now()
  await postAll(generator, url, noteConnections, count)
  await replied
  return performance.now() - started
}

async function postAll(generator: Child, url: string, connections: number, count: number): Promise<number> {
  const { answered, ms } = await generator.ask<Posted>('post', { url, connections })
  if (answered !== count) throw new Error(`${count - answered} of ${count} messages were not acknowledged`)
  return ms
}
