/** A person who writes posts and places orders. */
export interface User {
  id: number
  name: string
  email: string
  role: Role
  active: boolean
  createdAt: string
}

export type Role = 'admin' | 'editor' | 'viewer'

/** Something a user wrote. */
export interface Post {
  id: number
  userId: number
  title: string
  body: string
  tags: string[]
  status: PostStatus
  createdAt: string
}

export type PostStatus = 'draft' | 'published'

/** Something to buy; `price` is in euros, with at most two decimals. */
export interface Product {
  id: number
  name: string
  category: string
  price: number
  stock: number
}

/** A processed order; all amounts are in euros. */
export interface Order {
  id: number
  userId: number
  lines: { productId: number; name: string; quantity: number; unitPrice: number; lineTotal: number }[]
  subtotal: number
  shipping: number
  total: number
  createdAt: string
}

/** The URIs of the three resources, by what they list. */
export const resourceUris: Readonly<Record<'users' | 'products' | 'posts', string>> = {
  users: 'users://list',
  products: 'products://catalog',
  posts: 'posts://list',
}

/** All data of the mock server, in memory. */
export interface Data {
  users: Map<number, User>
  posts: Map<number, Post>
  products: Map<number, Product>
  orders: Order[]
  /** Returns an id that was never used, so that a deleted id does not return. */
  newId(): number
  /** Reports a change, with the URI of the changed resource. */
  changed(uri: string): void
}

/**
 * Returns new data, which is always the same. `changed` is called with the URI of each resource that a
 * tool changes.
 */
export function createData(changed: (uri: string) => void): Data {
  let lastId = 1000
  return {
    users: byId(users),
    posts: byId(posts),
    products: byId(products),
    orders: [],
    newId: () => ++lastId,
    changed,
  }
}

function byId<T extends { id: number }>(items: readonly T[]): Map<number, T> {
  return new Map(items.map(item => [item.id, structuredClone(item)]))
}

const users: readonly User[] = [
  user(1, 'Ada Lovelace', 'ada@example.com', 'admin', true, '2025-01-10'),
  user(2, 'Grace Hopper', 'grace@example.com', 'editor', true, '2025-02-14'),
  user(3, 'Alan Turing', 'alan@example.com', 'editor', true, '2025-03-21'),
  user(4, 'Katherine Johnson', 'katherine@example.com', 'viewer', true, '2025-05-02'),
  user(5, 'Edsger Dijkstra', 'edsger@example.com', 'viewer', false, '2025-06-30'),
]

function user(id: number, name: string, email: string, role: Role, active: boolean, day: string): User {
  return { id, name, email, role, active, createdAt: `${day}T09:00:00.000Z` }
}

const posts: readonly Post[] = [
  post(101, 1, 'Notes on the analytical engine', ['history', 'machines'], 'published', '2025-04-01'),
  post(102, 2, 'Compilers for everyone', ['languages'], 'published', '2025-04-12'),
  post(103, 2, 'A moth in the relay', ['history', 'debugging'], 'published', '2025-05-20'),
  post(104, 3, 'Can machines think?', ['machines'], 'published', '2025-06-07'),
  post(105, 3, 'On computable numbers', ['maths'], 'draft', '2025-06-23'),
  post(106, 5, 'Goto considered', ['languages', 'debugging'], 'draft', '2025-07-11'),
]

function post(
  id: number,
  userId: number,
  title: string,
  tags: string[],
  status: PostStatus,
  day: string,
): Post {
  const body = `${title}: a few words on ${tags.join(' and ')}.`
  return { id, userId, title, body, tags, status, createdAt: `${day}T12:00:00.000Z` }
}

const products: readonly Product[] = [
  { id: 201, name: 'Mechanical keyboard', category: 'computers', price: 129.9, stock: 12 },
  { id: 202, name: 'USB-C hub', category: 'computers', price: 39.95, stock: 40 },
  { id: 203, name: 'Laptop stand', category: 'furniture', price: 45, stock: 18 },
  { id: 204, name: 'Standing desk', category: 'furniture', price: 499, stock: 3 },
  { id: 205, name: 'Dotted notebook', category: 'stationery', price: 8.5, stock: 200 },
  { id: 206, name: 'Fountain pen', category: 'stationery', price: 24.75, stock: 0 },
]
