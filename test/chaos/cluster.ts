import { setTimeout as wait } from 'node:timers/promises'
import { asAdmin, type Member, primaryOf, startMember, startReplicaSet } from '../mongod.ts'

/** A replica set of three whose members can be killed, frozen and started again. `failovers` counts the primaries that were taken from it. */
export interface Cluster {
  readonly uri: string
  failovers(): number
  /** Kills the primary, and starts it again after `awayMs`. */
  killPrimary(awayMs: number): Promise<void>
  /** Makes the primary step down; answers whether another one took over. */
  stepDown(): Promise<boolean>
  /** Lets members stand still while `body` runs: all but the primary, or one of them by its place. */
  frozen<T>(which: 'secondaries' | number, body: () => Promise<T>): Promise<T>
  /** Kills all members, runs `body`, and starts them again. */
  down<T>(body: () => Promise<T>): Promise<T>
  /** Runs a command on the primary's `admin`. */
  admin(command: Record<string, unknown>): Promise<Record<string, unknown>>
  stop(): Promise<void>
}

/** Starts the set. */
export async function startCluster(): Promise<Cluster> {
  const set = await startReplicaSet(3)
  const members = [...set.members]
  let failovers = 0

  async function kill(at: number): Promise<void> {
    const victim = members[at] as Member
    victim.kill('SIGKILL')
    await victim.exited
  }

  async function restart(at: number): Promise<void> {
    const { port, dir } = members[at] as Member
    members[at] = await startMember({ port, dir })
  }

  const placeOfPrimary = async () => {
    const primary = await primaryOf(set.uri)
    return members.findIndex(({ host }) => host === primary)
  }

  return {
    uri: set.uri,
    failovers: () => failovers,
    admin: command => asAdmin(set.uri, command),
    async killPrimary(awayMs) {
      const at = await placeOfPrimary()
      await kill(at)
      failovers += 1
      await wait(awayMs)
      await restart(at)
    },
    async stepDown() {
      const before = await primaryOf(set.uri)
      await asAdmin(set.uri, { replSetStepDown: 5, secondaryCatchUpPeriodSecs: 1, force: true }).catch(() => {})
      await wait(2_000)
      const isTaken = (await primaryOf(set.uri)) !== before
      failovers += Number(isTaken)
      return isTaken
    },
    async frozen(which, body) {
      const primary = await placeOfPrimary()
      const places = which === 'secondaries' ? [0, 1, 2].filter(at => at !== primary) : [which]
      const victims = places.map(at => members[at] as Member)
      for (const victim of victims) victim.kill('SIGSTOP')
      return body().finally(() => {
        for (const victim of victims) victim.kill('SIGCONT')
      })
    },
    async down(body) {
      await Promise.all(members.map((_, at) => kill(at)))
      failovers += 1
      return body().finally(() => Promise.all(members.map((_, at) => restart(at))))
    },
    async stop() {
      // The folders are the same, whichever process holds them now.
      await Promise.all(members.map(member => member.stop()))
    }
  }
}
