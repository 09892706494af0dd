import type { CallToolResult } from '@modelcontextprotocol/server'
import * as z from 'zod'

/** Returns `value` as a tool's structured answer, with the same value as text for clients that only read text. */
export function answer(value: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value, null, 2) }], structuredContent: value }
}

/** The two arguments of every tool that pages through a list. */
export const pageArguments: { limit: z.ZodDefault<z.ZodInt>; offset: z.ZodDefault<z.ZodInt> } = {
  limit: z.int().min(1).max(100).default(20).describe('How many to return at most'),
  offset: z.int().min(0).default(0).describe('How many to skip'),
}

/** One page of a list. `nextOffset` is absent on the last page. */
export interface Page<T> {
  total: number
  items: T[]
  nextOffset?: number
}

/** Returns a page of `items`. An offset past the end gives an empty page. */
export function pageOf<T>(
  items: readonly T[],
  { limit, offset }: { limit: number; offset: number },
): Page<T> {
  const end = offset + limit
  const page: Page<T> = { total: items.length, items: items.slice(offset, end) }
  if (end < items.length) page.nextOffset = end
  return page
}

/** The shape of a `Page` of `item`, for a tool's output schema. */
export function pageSchema<T>(item: z.ZodType<T>): z.ZodType<Page<T>> {
  return z.object({
    total: z.int().describe('How many match, over all pages'),
    items: z.array(item),
    nextOffset: z.int().exactOptional().describe('Where the next page begins; absent on the last'),
  })
}
