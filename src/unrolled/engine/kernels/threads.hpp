// One team of threads for the whole engine; no mathematics. Only declarations: the kernels' translation units share no inline code.
#pragma once

namespace unrolled {

// The threads that run one call together. Rank 0 is the calling thread.
struct Team;

// Called in every thread of the team, ranks 0 ... size - 1.
using Job = void (*)(void* context, Team* team, int rank, int size);

// Runs `job` on at most `wanted` threads and returns when all are done. Where the pool is taken by another caller, or is off,
// the job runs on the calling thread alone: results never depend on the size of a team. False: `interrupted` said so.
bool run_team(int wanted, Job job, void* context, bool (*interrupted)());

// A null team is the calling thread alone, for work too short to be interrupted.
//
// All ranks wait for each other. False: the call was interrupted; leave the job at once, its results are thrown away.
bool team_barrier(Team* team);

// The same between steps of time. How long is waited there is added up.
bool team_step_barrier(Team* team);

// Whether other programs want our cores: lately, the threads of a call with a barrier at every step waited there for half of it, which
// no uneven sharing explains. Such calls had better run alone for a while.
bool cores_are_crowded();

// For the tests of what a team computes, on a machine that is always crowded: false, and no core counts as crowded any more.
void notice_crowds(bool on);

// False when the call was interrupted. Rank 0 also asks `interrupted` here, ten times a second.
bool team_goes_on(Team* team, int rank);

int thread_limit();
void set_thread_limit(int threads);

}  // namespace unrolled
