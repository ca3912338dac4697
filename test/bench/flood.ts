import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sendSigned } from '../../src/simulator/signed-post.ts'
import { startChild } from './child.ts'
import { byTurns, quantile, type Round } from './lines.ts'
import { type Note, otherAccount, signedText } from './messages.ts'
import { type Ground, makePlace } from './place.ts'
import { startServer } from './server.ts'
import type { Addresses } from './stand-ins.ts'

/** p95 from webhook to reply (ms) while somebody of another tenant floods, and while nobody does. */
export interface Flood {
  readonly latency: readonly Round[]
  /** Messages of the flood that the server took, and how many of them were over the budget. */
  readonly taken: number
  readonly refused: number
}

/** What one person may send in a minute, and how much of it the flood sends. */
const budget = 20
const times = 10
const flooder = 'whatsapp:+15550009999'

/** Holds conversations one after the other, by turns in peace and while one person of another account sends ten times their budget. */
export async function compareFlood(options: { rounds: number; notes: number; ground: Ground }): Promise<Flood> {
  const standIns = startChild('stand-ins.ts')
  const { twilio, openai } = await standIns.ask<Addresses>('addresses')
  const place = makePlace(options.ground)
  const { url, stop } = await startServer(
    {
      ...{ TWILIO_API_URL: twilio, OPENAI_BASE_URL: openai, RATE_LIMIT_PER_SENDER: String(budget) },
      ...{ TWILIO_ACCOUNTS_FILE: accountsFile(place.dir), OTHER_TOKEN: otherAccount.authToken }
    },
    place
  )
  let taken = 0
  const send = async () => {
    await flood(url)
    taken++
  }
  const p95 = async () => {
    const notes = await standIns.ask<Note[]>('shelve', options.notes)
    return quantile(await standIns.ask<number[]>('converse', { url, notes }), 0.95)
  }
  async function flooded(): Promise<number> {
    const sending = setInterval(() => void send(), 60_000 / (budget * times))
    return p95().finally(() => clearInterval(sending))
  }

  // A short run is over its budget, too.
  await Promise.all(Array.from({ length: budget }, send))
  await p95()
  const latency = await byTurns(options.rounds, flooded, p95)
  await stop()
  const { refused = 0 } = await place.clear()
  await standIns.stop()
  return { latency, taken, refused }
}

async function flood(url: string): Promise<void> {
  const { status } = await sendSigned(url, signedText(url, flooder, 'More!', otherAccount))
  if (status !== 200) throw new Error(`the flood was answered with ${status}`)
}

function accountsFile(dir: string): string {
  const { accountSid: sid, sender } = otherAccount
  const account = { sid, authTokenVariable: 'OTHER_TOKEN', senders: [sender], allowedSenders: '*' }
  const file = join(dir, 'accounts.json')
  writeFileSync(file, JSON.stringify({ accounts: [account] }))
  return file
}
