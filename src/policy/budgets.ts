import { hash } from 'node:crypto'
import type { Observe } from '../frames/event.ts'
import type { Execution } from '../frames/execution.ts'
import type { Store } from '../store/store.ts'

/** How much one person may use; the rest is refused until the window is over. */
export interface Budgets {
  /** 0 is no limit. */
  readonly messagesPerMinute: number
  readonly audioSecondsPerDay: number
  readonly tokensPerDay: number
  readonly callsPerHour: number
  /** Messages to other people, and calls of other tools that go out. */
  readonly sendsPerDay: number
  readonly promptsPerHour: number
  /** Questions that wait for their answer at a time. */
  readonly openQuestions: number
  readonly failedCodesPerDay: number
}

/** Says what a person of a tenant may use. */
export type BudgetsOf = (tenant: string) => Budgets

/** Generous for one person and tight for a flood; messages are bounded by RATE_LIMIT_PER_SENDER unless the file says otherwise. */
export const defaultBudgets: Omit<Budgets, 'messagesPerMinute'> = {
  audioSecondsPerDay: 7_200,
  tokensPerDay: 2_000_000,
  callsPerHour: 300,
  sendsPerDay: 50,
  promptsPerHour: 6,
  openQuestions: 3,
  failedCodesPerDay: 6
}

/** The budgets that are summed up in windows. */
export type Spendable = 'audioSecondsPerDay' | 'tokensPerDay' | 'callsPerHour' | 'sendsPerDay' | 'promptsPerHour'

/** Whose budget it is, and what of an execution uses it. `what` is the same when it is done again, after a crash or by a retry. */
export interface Use {
  readonly execution: Pick<Execution, 'id' | 'tenant' | 'principal'>
  readonly what: string
}

/** What people have spent of their budgets, over all processes and restarts. */
export interface Spending {
  /** What a person of a tenant may spend. */
  readonly allowed: BudgetsOf
  /** Takes `amount` before it is used, if that much is left; else takes nothing and answers false. */
  reserve(budget: Spendable, use: Use, amount: number): Promise<boolean>
  /** Corrects a reservation to what was really used, whenever it can. A correction that is lost leaves what was reserved. */
  settle(budget: Spendable, use: Use, amount: number): void
  /** Whether a person who is over a budget is told so now: once a minute, so that nobody can make us chatter. */
  tells(use: Use): Promise<boolean>
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Keeps account of budgets in a store. */
export function createSpending(parts: {
  store: Pick<Store, 'spend'>
  budgetsOf: BudgetsOf
  observe: Observe
}): Spending {
  const { store, budgetsOf, observe } = parts
  const say = (of: string, windowMs: number, { execution, what }: Use, amount: number) => {
    const by = hash('sha256', `${execution.id} ${what}`, 'base64url').slice(0, 16)
    return store.spend(`${execution.tenant}:${execution.principal}:${of}`, windowMs, by, amount)
  }
  const windowOf = (budget: Spendable) => (budget.endsWith('PerDay') ? day : hour)
  return {
    allowed: budgetsOf,
    async reserve(budget, use, amount) {
      const { total } = await say(budget, windowOf(budget), use, amount)
      if (total <= budgetsOf(use.execution.tenant)[budget]) return true
      await say(budget, windowOf(budget), use, 0)
      observe('budget.exceeded', { execution: use.execution.id, budget })
      return false
    },
    settle(budget, use, amount) {
      say(budget, windowOf(budget), use, amount).catch(() => undefined)
    },
    tells: async use => (await say('told', minute, use, 1)).total === 1
  }
}
