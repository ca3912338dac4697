import { compareAcknowledgements } from './acknowledgements.ts'
import { compareClaims } from './claims.ts'
import { compareFlood } from './flood.ts'
import { compareInserts } from './inserts.ts'
import { median, quantile, type Round, ratio } from './lines.ts'
import type { Ground } from './place.ts'
import { compareProtection } from './protection.ts'
import { compareReplicas } from './replicas.ts'
import type { Report } from './report.ts'
import type { Size } from './sizes.ts'
import { measureWakeUps } from './wake-ups.ts'
import { compareWholeJobs } from './whole-job.ts'

/** What a measurement is given: how much to measure, on what, and where to say it. */
export interface Bench {
  readonly size: Size
  readonly ground: Ground
  readonly report: Report
}

/** Measures one thing, judges it, and answers its figures for the JSON. Rejects where the result would be worth nothing. */
export type Measure = (bench: Bench) => Promise<object>

/** What can be measured on the embedded store, by the names that `--only` takes. */
export const onSqlite: Readonly<Record<string, Measure>> = { acknowledgements, job, protection, flood, claims }

/** What can be measured on a replica set. */
export const onMongodb: Readonly<Record<string, Measure>> = {
  acknowledgements,
  inserts,
  claims,
  'wake-up': wakeUp,
  job,
  protection,
  replicas
}

async function acknowledgements({ size, ground, report }: Bench): Promise<object> {
  const rounds = [
    { connections: 32, messages: size.messages, times: size.rounds },
    { connections: 1, messages: size.single, times: size.sideRounds },
    { connections: 128, messages: size.messages, times: size.sideRounds }
  ]
  const measured = await compareAcknowledgements({ rounds, ground })
  for (const { connections, rounds } of measured.rounds)
    report.print(`acknowledged/s, ${connections} connections`, rounds)
  if (measured.kept !== measured.acknowledged) throw new Error('the store does not hold what was acknowledged')
  const [few = [], , many = []] = measured.rounds.map(({ rounds }) => rounds)
  if (ground.mongodb === undefined) {
    report.judge('acknowledged', ratio(few))
    report.judge('receiving', measured.memory)
  } else if (ground.mongodb.members === 1) {
    report.judge('mongodb-acknowledged', ratio(few))
    report.judge('mongodb-crowd', ratio(many))
  }
  return measured
}

async function inserts({ size, ground, report }: Bench): Promise<object> {
  const { rounds, inserts: messages } = size
  const measured = await compareInserts({ rounds, messages, ground })
  report.print('acknowledged/s, 128 connections, and with one insert a message', measured.rounds)
  if (!measured.allKept) throw new Error('a store does not hold what was acknowledged')
  report.judge('mongodb-inserts', ratio(measured.rounds))
  return measured
}

async function claims({ size, ground, report }: Bench): Promise<object> {
  const { rounds, claims, lanes: long } = size
  const measured = await compareClaims({ rounds, claims, long, short: 1_000, ground })
  report.print(`ms for a claim, ${long} and 1000 waiting`, measured.rounds)
  report.judge(ground.mongodb === undefined ? 'claim' : 'mongodb-claim', ratio(measured.rounds))
  if (measured.keys === null) return measured.rounds
  report.judge('mongodb-claim-keys', measured.keys)
  return measured
}

async function wakeUp({ size, ground, report }: Bench): Promise<object> {
  const { claims, writes, polled } = await measureWakeUps({ samples: size.wakeUps, ground })
  if (claims.length < size.wakeUps) throw new Error('the worker was not woken: it found the messages by looking')
  const [write, half, slow] = [median(writes), median(claims), quantile(claims, 0.99)]
  const title = 'ms from acknowledgement to claim in another process, and for a majority write'
  report.print(title, inRounds(size.rounds, claims, writes))
  report.judge('mongodb-wake-up', half / write)
  report.judge('mongodb-slow-wake-up', slow / write)
  return { half, slow, write, polled }
}

async function job({ size, ground, report }: Bench): Promise<object> {
  const { rounds, notes, alone } = size
  const measured = await compareWholeJobs({ rounds, notes, alone, ground })
  report.print('voice notes answered/s', measured.throughput)
  report.print('ms from webhook to reply', measured.latency)
  if (measured.done !== measured.acknowledged) throw new Error('not every voice note was answered')
  if (ground.mongodb !== undefined) report.judge('mongodb-job', ratio(measured.throughput))
  else {
    report.judge('job', ratio(measured.throughput))
    report.judge('reply', ratio(measured.latency))
    report.judge('working', measured.memory)
  }
  return measured
}

async function protection({ size, ground, report }: Bench): Promise<object> {
  const { pairs, sideRounds: rounds, notes } = size
  const measured = await compareProtection({ pairs, rounds, notes, ground })
  report.print('voice notes answered/s, and without sealing and audit', measured.throughput)
  if (!measured.allDone) throw new Error('not every voice note was answered')
  const { ours, peer } = measured.kept
  const isAsSaid = ours.sealed > 0 && ours.told > 0 && peer.sealed + peer.told === 0
  if (!isAsSaid) throw new Error(`not what was to be weighed: ${JSON.stringify(measured.kept)}`)
  report.judge(ground.mongodb === undefined ? 'protection' : 'mongodb-protection', ratio(measured.throughput))
  return measured
}

async function flood({ size, ground, report }: Bench): Promise<object> {
  const measured = await compareFlood({ rounds: size.rounds, notes: size.inPeace, ground })
  report.print('p95 from webhook to reply, ms, under a flood and in peace', measured.latency)
  const { taken, refused } = measured
  if (refused === 0) throw new Error(`the flood of ${taken} messages was over no budget`)
  report.judge('flood', ratio(measured.latency))
  return measured
}

async function replicas({ size, ground, report }: Bench): Promise<object> {
  const { rounds, slowNotes: notes } = size
  const measured = await compareReplicas({ rounds, notes, ground })
  report.print('voice notes answered/s, by two workers and by one', measured.throughput)
  if (!measured.allDone) throw new Error('not every voice note was answered')
  report.judge('mongodb-replicas', ratio(measured.throughput))
  return measured
}

/** The medians of so many stretches of samples that were taken by turns. */
function inRounds(count: number, ours: readonly number[], peer: readonly number[]): Round[] {
  const length = Math.ceil(ours.length / count)
  const stretch = (samples: readonly number[], n: number) => median(samples.slice(n * length, (n + 1) * length))
  return Array.from({ length: count }, (_, n) => ({ ours: stretch(ours, n), peer: stretch(peer, n) }))
}
