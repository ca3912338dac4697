import { setTimeout as wait } from 'node:timers/promises'
import { asAdmin, type Member, primaryOf, type ReplicaSet, startMember } from '../mongod.ts'

/** What the database had to bear. */
export interface Suffered {
  readonly killed: number
  readonly steppedDown: number
  readonly frozen: number
}

const healMs = 6_000

/**
 * Torments a replica set of three in turns, one member at a time, until it is stopped: the primary is killed and started again, the
 * primary steps down, a member stands still for longer than an election takes. Answers how often each bit.
 */
export function startNemesis(set: ReplicaSet): { stop(): Promise<Suffered> } {
  const members = [...set.members]
  const suffered = { killed: 0, steppedDown: 0, frozen: 0 }
  const ending = new AbortController()
  const torments = [killPrimary, stepDown, freeze]

  async function killPrimary(): Promise<void> {
    const primary = await primaryOf(set.uri)
    const at = members.findIndex(({ host }) => host === primary)
    const victim = members[at]
    if (victim === undefined) return
    victim.kill('SIGKILL')
    await victim.exited
    await wait(1_000)
    members[at] = await startMember({ port: victim.port, dir: victim.dir })
    suffered.killed++
  }

  async function stepDown(): Promise<void> {
    const before = await primaryOf(set.uri)
    await asAdmin(set.uri, { replSetStepDown: 5, secondaryCatchUpPeriodSecs: 1, force: true }).catch(() => {})
    await wait(2_000)
    if ((await primaryOf(set.uri)) !== before) suffered.steppedDown++
  }

  async function freeze(): Promise<void> {
    const victim = members[suffered.frozen % members.length] as Member
    victim.kill('SIGSTOP')
    await wait(4_000)
    victim.kill('SIGCONT')
    suffered.frozen++
  }

  const working = (async () => {
    for (let turn = 0; !ending.signal.aborted; turn++) {
      await torments[turn % torments.length]?.()
      await wait(healMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  })()

  return {
    async stop() {
      ending.abort()
      await working
      // Those that were started again are not the set's own.
      await Promise.all(members.filter(member => !set.members.includes(member)).map(member => member.stop()))
      return suffered
    }
  }
}
