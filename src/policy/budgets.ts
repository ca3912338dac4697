import type { Store } from '../store/store.ts'

/** How much one person may use; the rest is refused until the window is over. */
export interface Budgets {
  /** 0 is no limit. */
  readonly messagesPerMinute: number
  readonly audioSecondsPerDay: number
  readonly tokensPerDay: number
  readonly callsPerHour: number
  /** Messages to other people. */
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

/** Whose budget it is, and what uses it: the same use said again, after a crash or by a retry, is no second one. */
export interface Use {
  readonly tenant: string
  readonly principal: string
  readonly by: string
}

/** What is spent of the budgets of all people, over all processes and restarts. */
export interface Spending {
  /** Takes `amount` if that much is left, before it is used. Takes nothing and answers false where it is not. */
  reserve(budget: Spendable, use: Use, amount: number): Promise<boolean>
  /** Corrects a reservation to what was really used. */
  settle(budget: Spendable, use: Use, amount: number): Promise<void>
}

const hour = 3_600_000
const day = 24 * hour

/** Keeps account of budgets in a store. */
export function createSpending(store: Pick<Store, 'spend'>, budgetsOf: BudgetsOf): Spending {
  const say = (budget: Spendable, { tenant, principal, by }: Use, amount: number) =>
    store.spend(`${budget}:${tenant}:${principal}`, budget.endsWith('PerDay') ? day : hour, by, amount)
  return {
    async reserve(budget, use, amount) {
      const { total } = await say(budget, use, amount)
      if (total <= budgetsOf(use.tenant)[budget]) return true
      await say(budget, use, 0)
      return false
    },
    async settle(budget, use, amount) {
      await say(budget, use, amount)
    }
  }
}
