import type { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

import { resourceUris } from '../data.ts'
import type { Data, Order, Product } from '../data.ts'
import { answer, pageArguments, pageOf, pageSchema } from './answers.ts'
import { findUser } from './users.ts'

const freeShippingFrom = 100
const shippingFee = 4.9

const productSchema: z.ZodType<Product> = z.object({
  id: z.int(),
  name: z.string(),
  category: z.string(),
  price: z.number(),
  stock: z.int(),
})

const getInput = z.object({
  category: z.string().optional(),
  minPrice: z.number().min(0).optional().describe('In euros'),
  maxPrice: z.number().min(0).optional().describe('In euros'),
  inStock: z.boolean().optional(),
  ...pageArguments,
})
const orderInput = z.object({
  userId: z.int(),
  items: z
    .array(z.object({ productId: z.int(), quantity: z.int().min(1).max(1000) }))
    .min(1)
    .max(50),
})
const productsOutput = pageSchema(productSchema)
const orderOutput = z.object({
  order: z.object({
    id: z.int(),
    userId: z.int(),
    lines: z.array(
      z.object({
        productId: z.int(),
        name: z.string(),
        quantity: z.int(),
        unitPrice: z.number(),
        lineTotal: z.number(),
      }),
    ),
    subtotal: z.number(),
    shipping: z.number(),
    total: z.number(),
    createdAt: z.string(),
  }),
})

/** Adds the tools that read the catalogue and sell from it. */
export function registerProductTools(server: McpServer, data: Data): void {
  server.registerTool(
    'get_products',
    {
      title: 'List products',
      description: 'Lists products, cheapest first, filtered by category, price range or availability.',
      inputSchema: getInput,
      outputSchema: productsOutput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ category, minPrice = 0, maxPrice = Infinity, inStock, ...page }) => {
      if (minPrice > maxPrice) throw new Error('minPrice is greater than maxPrice')
      const found = [...data.products.values()]
        .filter(
          product =>
            (category === undefined || product.category === category) &&
            product.price >= minPrice &&
            product.price <= maxPrice &&
            (inStock === undefined || product.stock > 0 === inStock),
        )
        .toSorted((one, other) => one.price - other.price)
      return answer({ ...pageOf(found, page) })
    },
  )

  server.registerTool(
    'process_order',
    {
      title: 'Process an order',
      description: `Sells products to a user: all lines or none. Shipping is free from ${freeShippingFrom} euros.`,
      inputSchema: orderInput,
      outputSchema: orderOutput,
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: false },
    },
    ({ userId, items }) => {
      findUser(data, userId)
      const wanted = new Map<number, number>()
      for (const { productId, quantity } of items)
        wanted.set(productId, (wanted.get(productId) ?? 0) + quantity)
      const lines = [...wanted].map(([productId, quantity]) => orderLine(data, productId, quantity))
      // Change nothing before every line is known to be in stock.
      for (const { product, quantity } of lines) product.stock -= quantity
      const order = newOrder(data, userId, lines)
      data.orders.push(order)
      data.changed(resourceUris.products)
      return answer({ order })
    },
  )
}

interface Line {
  product: Product
  quantity: number
}

function orderLine(data: Data, productId: number, quantity: number): Line {
  const product = data.products.get(productId)
  if (product === undefined) throw new Error(`No product has the id ${productId}`)
  if (product.stock < quantity)
    throw new Error(`${product.name}: ${quantity} wanted, ${product.stock} in stock; nothing was sold`)
  return { product, quantity }
}

function newOrder(data: Data, userId: number, wanted: readonly Line[]): Order {
  const lines = wanted.map(({ product, quantity }) => ({
    productId: product.id,
    name: product.name,
    quantity,
    unitPrice: product.price,
    lineTotal: euros(product.price * quantity),
  }))
  const subtotal = euros(lines.reduce((sum, line) => sum + line.lineTotal, 0))
  const shipping = subtotal >= freeShippingFrom ? 0 : shippingFee
  const total = euros(subtotal + shipping)
  return { id: data.newId(), userId, lines, subtotal, shipping, total, createdAt: new Date().toISOString() }
}

/** Rounds to whole cents, because sums of decimal fractions are not exact. */
export function euros(amount: number): number {
  return Math.round(amount * 100) / 100
}
