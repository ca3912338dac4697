import type { Observe } from '../../frames/event.ts'
import type { Execution } from '../../frames/execution.ts'
import type { Spending } from '../../policy/budgets.ts'
import type { Switches } from '../../policy/switches.ts'
import type { Store } from '../../store/store.ts'

const day = 86_400_000

type Wrong = { readonly at: number; readonly evidence: string }

/** Whether a person has sent so many wrong codes in a day that no further one counts. */
export async function hasGuessedTooOften(
  { store, spending }: { store: Pick<Store, 'record'>; spending: Pick<Spending, 'allowed'> },
  execution: Execution
): Promise<boolean> {
  const wrongs = wrongsIn((await store.record(tally(execution)))?.data, Date.parse(execution.at))
  return wrongs.length >= spending.allowed(execution.tenant).failedCodesPerDay
}

/** Counts a wrong code against its person. Each message counts once, however often it is judged. */
export async function countForPerson(store: Pick<Store, 'record' | 'putRecord'>, execution: Execution): Promise<void> {
  while (true) {
    const record = await store.record(tally(execution))
    const at = Date.parse(execution.at)
    const wrongs = wrongsIn(record?.data, at)
    if (wrongs.some(({ evidence }) => evidence === execution.id)) return
    const next = [...wrongs, { at, evidence: execution.id }]
    if (await store.putRecord(tally(execution), next, record?.version ?? 0)) return
  }
}

/** Who goes on guessing is switched off until the operator has looked (safety rule 3.7). */
export async function stopGuessing(
  { observe, switches }: { observe: Observe; switches: Pick<Switches, 'set'> },
  { id, principal }: Execution
): Promise<void> {
  await switches.set(`principal:${principal}`, true, 'server')
  observe('alert', { code: 'failed-codes', execution: id })
}

const tally = ({ tenant, principal }: Execution) => ({ tenant, user: principal, kind: 'wrong-codes', id: 'day' })

function wrongsIn(data: unknown, now: number): Wrong[] {
  return ((data ?? []) as Wrong[]).filter(({ at }) => now - at < day)
}
