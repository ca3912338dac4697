import { randomUUID } from 'node:crypto'
import { mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { databaseOn } from '../../mongod.ts'
import { startProcess, until } from '../../stage.ts'
import type { Teardown } from '../field.ts'
import { anomaliesIn } from '../history.ts'
import { createHistoryClient } from '../history-client.ts'
import { openHistoryLog, readHistoryLog } from '../history-log.ts'
import { countOpen, type Ground, readJournal } from '../journal.ts'
import { openStoreOf } from '../open-store.ts'
import { openPartition, type Partition } from '../partition.ts'
import { randomOf } from '../plan.ts'
import type { OnStore, Setting } from '../setting.ts'
import type { Report } from '../verdict.ts'

const lifeMs = 2_500
const drainMs = 60_000

/**
 * Lets several processes (one on the embedded store) ask the store for random things while they are killed, started again and cut off,
 * and checks what they wrote down against a model of the store.
 */
export async function history(
  t: Teardown,
  { cluster, seed }: OnStore & Pick<Setting, 'seed'>,
  lives: number
): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-history-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const uri = cluster === null ? undefined : databaseOn(cluster.uri, `history-${randomUUID()}`)
  const file = join(dir, 'history.jsonl')
  const random = randomOf(seed)
  const partition = uri === undefined ? null : await openPartition()
  t.teardown(() => partition?.close())
  let killed = 0
  let cuts = 0

  /** One process after the other, each for a short life; the last of several is cut off from time to time. */
  async function live(place: number, isCutOff: boolean): Promise<void> {
    for (let life = 0; life < lives; life++) {
      const env = {
        HISTORY_FILE: file,
        HISTORY_CLIENT: `${place}-${life}`,
        HISTORY_SEED: String(seed + 1_000 * place + life),
        DATA_DIR: join(dir, 'data'),
        ...(uri !== undefined && { MONGODB_URI: isCutOff ? (partition?.through(uri) ?? uri) : uri })
      }
      const client = startProcess('test/chaos/history-entry.ts', env)
      t.teardown(() => client.kill('SIGKILL'))
      await until(() => client.output().includes('ready'), 30_000, client)
      await wait(lifeMs * (0.2 + random()))
      if (isCutOff && partition !== null) cuts += await cutOff(partition, life)
      await client.kill('SIGKILL')
      killed += 1
    }
  }

  const places = uri === undefined ? [0] : [0, 1, 2]
  await Promise.all(places.map(place => live(place, place === 2)))
  const ground: Ground = { dataDir: join(dir, 'data'), env: uri === undefined ? {} : { MONGODB_URI: uri } }
  await endAll(ground, file)
  return verdictOf(ground, file, { killed, cuts })
}

/** Cuts for longer than a lease, and lets what was kept back arrive or not. */
async function cutOff(partition: Partition, turn: number): Promise<number> {
  const before = partition.kept()
  partition.cut()
  await wait(1_500)
  partition.heal({ drop: turn % 2 === 0 })
  await wait(500)
  return Number(partition.kept() > before)
}

/** Decides and ends everything that is left, as one more client, and sleeps through a lease. */
async function endAll(ground: Ground, file: string): Promise<void> {
  const store = await openStoreOf({ uri: ground.env.MONGODB_URI, dir: ground.dataDir })
  try {
    const client = createHistoryClient(store, openHistoryLog(openSync(file, 'a'), 'end'), Math.random)
    const deadline = performance.now() + drainMs
    const endOpen = async () => {
      while ((await countOpen(ground)) > 0 || (await client.decide()) > 0) {
        if (performance.now() > deadline) throw new Error(`${await countOpen(ground)} executions do not end`)
        while (await client.drain());
        // Who was killed between a message and its ring left work of which nobody was told.
        await store.sweep().catch(() => {})
        await wait(100)
      }
    }
    await endOpen()
    // In short lives it may be that nobody sleeps through a lease: somebody does now, also where the database fails meanwhile.
    for (let i = 0, isRefused = false; !isRefused && performance.now() < deadline; i++) {
      await client.accept('lane-end', `end-${i}`)
      isRefused = await client.oversleep()
      await endOpen()
    }
  } finally {
    await store.close()
  }
}

async function verdictOf(
  ground: Ground,
  file: string,
  { killed, cuts }: { killed: number; cuts: number }
): Promise<Report> {
  const operations = readHistoryLog(file)
  const kept = await readJournal(ground)
  const journals = new Map([...kept].map(([id, { frames }]) => [id, frames]))
  const problems = anomaliesIn({ operations, journals })
  const accepted = operations.filter(({ op, answer }) => op === 'accept' && answer === 'ok')
  const refused = operations.filter(
    ({ op, answer }) => op !== 'claim' && op !== 'decide' && answer === 'refused'
  ).length
  const unknown = operations.filter(({ answer }) => answer === 'unknown').length
  const odd = [...kept.values()].filter(({ state }) => state !== 'done')
  const none = { doubled: 0, disordered: 0, rerun: 0 }
  return {
    case: 'C21 the history of random calls',
    struck: { kills: killed, partitions: cuts },
    acknowledged: accepted.length,
    lost: accepted.filter(({ execution }) => !kept.has(execution)).length,
    ...none,
    gaps: problems.filter(problem => problem.includes(': frames ')).length,
    fenced: refused,
    unknown: 0,
    remark: `${operations.length} calls, ${unknown} of unknown end`,
    problems: [
      ...problems,
      ...odd.map(({ id, state }) => `${id} is ${state}`),
      ...(refused > 0 ? [] : ['nobody was refused: no lease was lost'])
    ]
  }
}
