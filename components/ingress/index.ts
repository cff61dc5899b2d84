export { Edge, type EdgeArgs } from "./Edge.ts";
export { edgeFlows, ingressClassName } from "./layout.ts";
export { Route, type RouteArgs } from "./Route.ts";
