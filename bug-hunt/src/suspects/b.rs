// Made by `cargo course stubs`, to be hunted and not to be read.
use std::collections::{BTreeMap,BTreeSet};use std::time::Duration;use node::{Ctx,Event,NodeId,Time};
use crate::member::{Member,NameNode};use crate::message::{Message,Timer};use crate::view::{File,
FileId,Generation,REPLICATION,Registration,Replica}; #[derive(Default)]struct Q17{files:BTreeMap<
FileId,File>,q20:BTreeMap<NodeId,Q25>,q7:BTreeSet<(NodeId,FileId,Generation)>,q35:BTreeMap<FileId,(
Vec<NodeId>,Vec<NodeId>)>,q29:BTreeMap<FileId,Time>,q4:String,q1:Vec<(NodeId,Message)>,}const Q27: &
str="edits";impl Q17{fn q43(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let Some(entry)=self.files
.get(&id)else{return;};let last=self.q29.get(&id);if last.is_some_and(|last|ctx.now().since(*last)<
Q49){return;}let q12:Vec<NodeId> =entry.replicas.iter().copied().collect();let q26= |at: &&NodeId|{!
entry.replicas.contains(at)&& !self.q7.contains(&(**at,id,entry.generation))};let q40:Vec<NodeId> =
self.q20.keys().filter(q26).copied().collect();let q10=ctx.rng.choose(&q12).copied();let q0=ctx.rng.
choose(&q40).copied();if let(Some(q10),Some(to))=(q10,q0)&&let Some(q24)=self.q20.get(&q10){let
message=Message::Copy{registration:q24.q2,file:id,to,};ctx.send(q10,message);self.q29.insert(id,ctx.
now());}}fn q13(&mut self,from:NodeId,id:FileId,ctx: &mut Ctx<'_,Member>){if self.files.remove(&id).
is_some(){self.q33(&format!("d {}",id.0));}self.q51(from,Message::Deleted{file:id},ctx);}fn q16(&mut
self,ctx: &mut Ctx<'_,Member>){let bytes=std::mem::take(&mut self.q4);let written=ctx.disk.append(
Q27,bytes.as_bytes());let q42=written.and_then(|()|ctx.disk.sync(Q27));if q42.and_then(|()|ctx.disk.
sync_dir("")).is_err(){return;}for(to,message)in std::mem::take(&mut self.q1){ctx.send(to,message);}
}fn erase(&self,at:NodeId,id:FileId,q5:Generation,ctx: &mut Ctx<'_,Member>){if let Some(q24)=self.
q20.get(&at){let message=Message::Erase{registration:q24.q2,file:id,generation:q5,};ctx.send(at,
message);}}fn q37(&mut self,from:NodeId,q2:Registration,ctx: &Ctx<'_,Member>)->bool{if self.q20.get(
&from).is_some_and(|old|old.q2>=q2){return false;}self.q32(from);let q30=ctx.now();let last=0;self.
q20.insert(from,Q25{q2,last,q30});true}fn q9(&mut self,from:NodeId,q2:Registration,ctx: &mut Ctx<'_,
Member>){match self.q20.get_mut(&from){Some(q24)if q24.q2==q2=>q24.q30=ctx.now(),Some(q24)if q24.q2>
q2=>{}_=>ctx.send(from,Message::RegisterAgain),}}fn erased(&mut self,from:NodeId,id:FileId,q5:
Generation,ctx: &mut Ctx<'_,Member>){if let Some(entry)=self.files.get_mut(&id)&&entry.generation==
q5{entry.replicas.remove(&from);self.q50(id,ctx);}}fn q50(&mut self,id:FileId,ctx: &mut Ctx<'_,
Member>){let Some(entry)=self.files.get(&id).filter(|entry|entry.closed)else{return;};let q5=entry.
generation;let mut q15=self.q28(id);if q15.len()<REPLICATION{self.q43(id,ctx);return;}ctx.rng.
shuffle(&mut q15);for q52 in q15.split_off(REPLICATION){self.q7.insert((q52,id,q5));self.erase(q52,
id,q5,ctx);}}fn q19(&mut self,from:NodeId,q23: &BTreeMap<FileId,Replica>,ctx: &mut Ctx<'_,Member>,){
for(id,entry)in&mut self.files{let q34=q23.get(id).map(|q43|q43.generation);if q34==Some(entry.
generation){entry.replicas.insert(from);self.q7.remove(&(from, *id,entry.generation));}else{entry.
replicas.remove(&from);}}for(id,q43)in q23{let q41=match self.files.get(id){None=>self.q4.is_empty()
,Some(entry)=>{q43.generation<entry.generation&&entry.closed&&self.q28(*id).len()>=REPLICATION}};if
q41{self.erase(from, *id,q43.generation,ctx);}}let all:Vec<FileId> =self.files.keys().copied().
collect();for id in all{self.q50(id,ctx);}}fn q47(&mut self,from:NodeId,message:Message,ctx: &mut Ctx
<'_,Member>){match message{Message::Open{file,survivors}=>self.open(from,file,survivors,ctx),Message
::Complete{file,generation,length,}=>self.complete(from,file,generation,length,ctx),Message::Delete{
file}=>self.q13(from,file,ctx),Message::Register{registration,replicas,}=>{if self.q37(from,
registration,ctx){self.q19(from, &replicas,ctx);}}Message::Heartbeat{registration}=>self.q9(from,
registration,ctx),Message::Report{registration,number,replicas,}=>{if self.q18(from,registration,
number){self.q19(from, &replicas,ctx);}}Message::Received{registration,number,file,generation,}=>{if
self.q18(from,registration,number){self.received(from,file,generation,ctx);}}Message::Erased{
registration,number,file,generation,}=>{if self.q18(from,registration,number){self.erased(from,file,
generation,ctx);}}_=>{}}}fn q31(&self,id:FileId,survivors: &[NodeId])->bool{let open=self.files.get(
&id).is_some_and(|entry| !entry.closed);let last=self.q35.get(&id);open&&last.is_some_and(|(q11,_)|
q11==survivors)}fn q22(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=ctx.disk.read(Q27).
unwrap_or_default();let text=String::from_utf8_lossy(&bytes);let q21=text.rfind('\n').map_or(0, |end
|end+1);if ctx.disk.exists(Q27)&&ctx.disk.truncate(Q27,q21 as u64).is_err(){return;}for line in text
[..q21].lines(){self.q45(line);}}fn q51(&mut self,to:NodeId,message:Message,ctx: &mut Ctx<'_,Member>
){if self.q1.is_empty(){let soon=Duration::from_millis(5+ctx.rng.below(350));ctx.set_timer(Timer::
Flush,soon);}self.q1.push((to,message));}fn q45(&mut self,line: &str){let mut words=line.split(' ');
let q36=words.next().unwrap_or_default();let mut number= ||words.next().and_then(|word|word.parse().
ok()).unwrap_or(0);let id=FileId(number());let q5=Generation(number());let q53=number();match q36{
"o"=>{let entry=self.files.entry(id).or_default();entry.generation=q5;entry.closed=false;}"c"=>{let
entry=self.files.entry(id).or_default();entry.closed=true;entry.length=q53;}_=>{self.files.remove(&
id);}}}fn opened(&mut self,from:NodeId,id:FileId,ctx: &mut Ctx<'_,Member>){if let Some(entry)=self.
files.get(&id)&&let Some((_,q40))=self.q35.get(&id){let opened=Message::Opened{file:id,generation:
entry.generation,datanodes:q40.clone(),};self.q51(from,opened,ctx);}}fn q33(&mut self,line: &str){
self.q4.push_str(line);self.q4.push('\n');}fn q18(&mut self,from:NodeId,q2:Registration,number:u64)->
bool{match self.q20.get_mut(&from){Some(q24)if q24.q2==q2&&q24.last<number=>{q24.last=number;true}_=>
false,}}fn open(&mut self,from:NodeId,id:FileId,survivors:Vec<NodeId>,ctx: &mut Ctx<'_,Member>,){if
self.q31(id, &survivors){self.opened(from,id,ctx);return;}let q24=self.files.get(&id);let mut q40=if
!survivors.is_empty(){survivors.clone()}else if q24.is_some_and(|entry|entry.length>0){self.q28(id)}
else{let mut all:Vec<NodeId> =self.q20.keys().copied().collect();ctx.rng.shuffle(&mut all);all.
truncate(REPLICATION);all};q40.retain(|q0|self.q20.contains_key(q0));if q40.is_empty(){ctx.send(from
,Message::Refused{file:id});return;}let entry=self.files.entry(id).or_default();entry.generation.0+=
1;entry.closed=false;entry.replicas.clear();let q5=entry.generation;self.q35.insert(id,(survivors,
q40));self.q33(&format!("o {} {}",id.0,q5.0));self.opened(from,id,ctx);}fn received(&mut self,from:
NodeId,id:FileId,q5:Generation,ctx: &mut Ctx<'_,Member>){if let Some(entry)=self.files.get_mut(&id)&&
entry.generation==q5{entry.replicas.insert(from);self.q50(id,ctx);}}fn q32(&mut self,q46:NodeId){
self.q20.remove(&q46);self.q7.retain(|(at,_,_)| *at!=q46);for entry in self.files.values_mut(){entry
.replicas.remove(&q46);}}fn q54(&mut self,ctx: &mut Ctx<'_,Member>){let q44= |q24: &Q25|ctx.now().
since(q24.q30)>Q3;let q8=self.q20.iter().filter(|(_,q24)|q44(q24));let q8:Vec<NodeId> =q8.map(|(at,_
)| *at).collect();for q46 in q8{self.q32(q46);}let all:Vec<FileId> =self.files.keys().copied().
collect();for id in all{self.q50(id,ctx);self.q38(id,ctx);}}fn complete(&mut self,from:NodeId,id:
FileId,q5:Generation,q53:u32,ctx: &mut Ctx<'_,Member>,){let q39=Message::Completed{file:id,
generation:q5,};match self.files.get_mut(&id){Some(entry)if entry.generation==q5=>{if entry.closed{
self.q51(from,q39,ctx);}else if!entry.replicas.is_empty(){entry.closed=true;entry.length=q53;self.
q33(&format!("c {} {} {}",id.0,q5.0,q53));self.q51(from,q39,ctx);self.q50(id,ctx);}}_=>ctx.send(from
,Message::Refused{file:id}),}}fn q38(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let q15=self.q28(
id);let Some(entry)=self.files.get(&id).filter(|entry|entry.closed)else{return;};if q15.len()<
REPLICATION{return;}let q5=entry.generation;let q7:Vec<NodeId> =entry.replicas.iter().copied().
collect();for q48 in q7.into_iter().filter(|at| !q15.contains(at)){self.erase(q48,id,q5,ctx);}}fn q28
(&self,id:FileId)->Vec<NodeId>{let Some(entry)=self.files.get(&id)else{return Vec::new();};let q6= |
at: &&NodeId| !self.q7.contains(&(**at,id,entry.generation));entry.replicas.iter().filter(q6).copied
().collect()}}pub(super)fn new()->Box<dyn NameNode>{Box::new(Q17::default())}const Q49:Duration=
Duration::from_millis(2_500);impl NameNode for Q17{fn files(&self)-> &BTreeMap<FileId,File>{&self.
files}fn step(&mut self,event:Event<Message,Timer>,ctx: &mut Ctx<'_,Member>){match event{Event::
Start=>{self.q22(ctx);ctx.set_timer(Timer::Check,Q14);}Event::Timer(Timer::Check)=>{self.q54(ctx);
ctx.set_timer(Timer::Check,Q14);}Event::Timer(Timer::Flush)=>self.q16(ctx),Event::Timer(_)=>{}Event::
Message{from,message}=>self.q47(from,message,ctx),}}}const Q14:Duration=Duration::from_millis(400);
const Q3:Duration=Duration::from_millis(2_000);struct Q25{q2:Registration,last:u64,q30:Time,}
