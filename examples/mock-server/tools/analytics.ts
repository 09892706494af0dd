import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

import type { Data } from '../data.ts'
import { answer } from './answers.ts'
import { euros } from './products.ts'

/** Result of `get_analytics`. Its records count by name. */
export interface Analytics {
  users: { total: number; active: number; byRole: Counts }
  posts: { total: number; byStatus: Counts; byTag: Counts; byAuthor: Counts }
  /** `stockValue` is in euros, by category. */
  products: { total: number; soldOut: number; stockValue: Counts }
  orders: { total: number; revenue: number; unitsSold: Counts }
}

type Counts = Record<string, number>

const counts = z.record(z.string(), z.number())
const analyticsOutput: z.ZodType<Analytics> = z.object({
  users: z.object({ total: z.int(), active: z.int(), byRole: counts }),
  posts: z.object({ total: z.int(), byStatus: counts, byTag: counts, byAuthor: counts }),
  products: z.object({ total: z.int(), soldOut: z.int(), stockValue: counts }),
  orders: z.object({ total: z.int(), revenue: z.number(), unitsSold: counts }),
})
const reportInput = z.object({
  subject: z.enum(['users', 'posts', 'products', 'orders']),
  title: z.string().max(100).optional(),
})

/** Adds the tools that summarize the data. */
export function registerAnalyticsTools(server: McpServer, data: Data): void {
  server.registerTool(
    'get_analytics',
    {
      title: 'Get analytics',
      description: 'Counts users, posts, products and orders, as they are now.',
      inputSchema: z.object({}),
      outputSchema: analyticsOutput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => answer({ ...analyse(data) }),
  )

  server.registerTool(
    'generate_report',
    {
      title: 'Generate a report',
      description: 'Writes a plain text table of the users, posts, products or orders.',
      inputSchema: reportInput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ subject, title = `Report: ${subject}` }) => {
      const rows = reportRows(data)[subject]()
      const lines = [title, '='.repeat(title.length), '', ...table(rows), '', `${rows.length - 1} ${subject}`]
      return { content: [{ type: 'text', text: lines.join('\n') }] }
    },
  )
}

/** Summarizes the current data. */
export function analyse(data: Data): Analytics {
  const users = [...data.users.values()]
  const posts = [...data.posts.values()]
  const products = [...data.products.values()]
  const author = (id: number): string => data.users.get(id)?.name ?? `user ${id}`
  const stockValue: Counts = {}
  for (const { category, price, stock } of products)
    stockValue[category] = euros((stockValue[category] ?? 0) + price * stock)
  return {
    users: {
      total: users.length,
      active: users.filter(user => user.active).length,
      byRole: count(users.map(user => user.role)),
    },
    posts: {
      total: posts.length,
      byStatus: count(posts.map(post => post.status)),
      byTag: count(posts.flatMap(post => post.tags)),
      byAuthor: count(posts.map(post => author(post.userId))),
    },
    products: {
      total: products.length,
      soldOut: products.filter(product => product.stock === 0).length,
      stockValue,
    },
    orders: {
      total: data.orders.length,
      revenue: euros(data.orders.reduce((sum, order) => sum + order.total, 0)),
      unitsSold: count(
        data.orders.flatMap(order =>
          order.lines.flatMap(line => Array<string>(line.quantity).fill(line.name)),
        ),
      ),
    },
  }
}

function count(names: readonly string[]): Counts {
  const counts: Counts = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

type Row = (string | number | boolean)[]

function reportRows(data: Data): Record<'users' | 'posts' | 'products' | 'orders', () => Row[]> {
  return {
    users: () => [
      ['id', 'name', 'email', 'role', 'active'],
      ...[...data.users.values()].map(user => [user.id, user.name, user.email, user.role, user.active]),
    ],
    posts: () => [
      ['id', 'author', 'title', 'status', 'tags'],
      ...[...data.posts.values()].map(post => [
        post.id,
        data.users.get(post.userId)?.name ?? '',
        post.title,
        post.status,
        post.tags.join(' '),
      ]),
    ],
    products: () => [
      ['id', 'name', 'category', 'price', 'stock'],
      ...[...data.products.values()].map(product => [
        product.id,
        product.name,
        product.category,
        product.price,
        product.stock,
      ]),
    ],
    orders: () => [
      ['id', 'user', 'lines', 'total'],
      ...data.orders.map(order => [order.id, order.userId, order.lines.length, order.total]),
    ],
  }
}

function table(rows: readonly Row[]): string[] {
  const cells = rows.map(row => row.map(String))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  const line = (row: string[], index: number): string =>
    row
      .map((cell, column) =>
        typeof rows[index]?.[column] === 'number'
          ? cell.padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  const [head = '', ...body] = cells.map(line)
  return [head, widths.map(width => '-'.repeat(width)).join('  '), ...body]
}
